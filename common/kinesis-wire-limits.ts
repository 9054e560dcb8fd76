// Every bound of the Kinesis wire format, with its unit and its reason.

/** AWS: the deepest structure of the model, a list of channels, goes down six levels; parsers of JSON stop later. */
export const cborDepthMax = 32

/** AWS: GetRecords answers 10,000 records of seven values each; of no request are there nearly as many. */
export const cborItemsMax = 200_000

/** Byte strings of so much are handed on as they are: below, a copy costs less than one more write. */
export const cborBytesReferredMin = 64 * 1024

/** AWS: an event holds records of 10 MiB, which are a third more as Base64, and some text around them. */
export const eventFrameMaxBytes = 16 * 1024 * 1024

/** AWS: the headers of a frame are 128 KiB at most. */
export const eventHeadersMaxBytes = 128 * 1024

/** KPL: an aggregate of 1 MiB, the most it makes, has no more records of six bytes, the least that one takes. */
export const aggregateRecordsMax = 180_000
