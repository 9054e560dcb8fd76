// Set up before tests that are clients of the platform themselves: kafkajs without its warnings of Node 24.
import { mendRequestQueue } from '../../common/kafka-client.ts'

mendRequestQueue()
