// Every bound on who comes through a Kafka door, and on how a connection is used, with its unit and its reason.

/**
 * Kafka connections of one address: its fault leaves room for others; but a proxy may stand for many, and a poller of a
 * thousand mappings has two for each.
 */
export const kafkaConnectionsPerAddressMax = 2_500

/** A request that is not whole by then has been given up by its client (librdkafka: 60 s). */
export const frameMaxMs = 120_000

/** Answers of which nothing is read for so long hold memory for nobody. */
export const connectionStalledMaxMs = 60_000

/** Kafka: connections.max.idle.ms. */
export const connectionIdleMaxMs = 600_000

/** Kafka: a SCRAM credential's iterations; RFC 7677 asks for the least, the most bounds a client's work. */
export const scramIterationsMin = 4_096
export const scramIterationsMax = 16_384

/** Users with credentials: each is kept in memory and written whenever one changes. */
export const usersMax = 10_000

/** Users of the operator's file: two passwords to salt for each, before the doors open. */
export const usersFileMax = 1_000

/** A user's name, and the salt that an admin may bring. */
export const userTextMaxBytes = 255

/** A frame of whoever has not logged in yet: tokens take a few hundred bytes (Kafka, with Kerberos: 512 KiB). */
export const unauthenticatedFrameMaxBytes = 64 * 1024

/** From the start of a connection to the end of its login. */
export const loginMaxMs = 10_000

/** Kafka: connection.failed.authentication.delay.ms; it slows guessing, and the retries of a wrong setting. */
export const failedLoginDelayMs = 100

/** Passwords that wait to be salted, one at a time: the disk's threads do it. Beyond it logins fail. */
export const passwordChecksMax = 1_000

/** Certificates and users are read again when their files have changed by then. */
export const securityFilesCheckMs = 5_000

/** An idle connection to the AWS door: with Node's five seconds an SDK that waits as long between two calls sends the second into one that closes. */
export const awsKeepAliveMs = 65_000

/** How long a stop waits for a scrape, which comes last in it. */
export const scrapeGraceMs = 1_000
