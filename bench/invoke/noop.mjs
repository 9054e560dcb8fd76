// The handler of the measurements, and piscina's task beside it: does nothing.
export const handler = async () => null
export default () => null
