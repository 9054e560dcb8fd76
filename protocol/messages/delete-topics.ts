// DeleteTopics (key 20): removes topics, by name or from version 6 on by id.
import { defineApi } from '../api.ts'
import {
  array,
  int16,
  int32,
  nullableSince,
  nullableString,
  since,
  string,
  struct,
  until,
  uuid,
  zeroUuid,
} from '../fields.ts'

/* Up to version 5 `topicNames`, from version 6 on `topics` (KIP-516). v4: flexible. v5: messages. */
export const deleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  minVersion: 0,
  maxVersion: 6,
  flexibleSince: 4,
  request: struct({
    topics: since(6, array(struct({ name: nullableString, topicId: uuid })), []),
    topicNames: until(5, array(string), []),
    timeoutMs: int32,
  }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    responses: array(
      struct({
        name: nullableSince(6, nullableString, ''),
        topicId: since(6, uuid, zeroUuid),
        errorCode: int16,
        errorMessage: since(5, nullableString, null),
      }),
    ),
  }),
})
