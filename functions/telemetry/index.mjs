// Counts the readings of each batch and says which vehicle ran hottest; an edit takes effect at once.

/** Records come by `topic-partition`; what a producer sent is base64. */
export const handler = async (event) => {
  const readings = Object.values(event.records)
    .flat()
    .map((record) => JSON.parse(Buffer.from(record.value, 'base64').toString()))
  const hottest = readings.reduce((hot, next) => (degrees(next) > degrees(hot) ? next : hot))
  console.log(
    `${readings.length} readings, the hottest ${degrees(hottest)} °C in ${hottest.vehicle_id}`,
  )
  return { readings: readings.length }
}

const degrees = (reading) => reading.temperature_c ?? -Infinity
