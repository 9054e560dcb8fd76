// Grafana's names of colours, as its dark theme draws them.
export const colours: Readonly<Record<string, string>> = {
  green: '#73bf69',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#8ab8ff',
  purple: '#b877d9',
}
