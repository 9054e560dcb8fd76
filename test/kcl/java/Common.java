// What the programs beside it share: clients of our doors, and lines that a test reads.

import java.net.URI;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.KinesisClientUtil;

final class Common {
  static final StaticCredentialsProvider CREDENTIALS =
      StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));

  private Common() {}

  /** As the KCL makes it: over Netty, HTTP/2 with prior knowledge, many calls at once. */
  static KinesisAsyncClient kinesis(String url) {
    return KinesisClientUtil.createKinesisAsyncClient(
        KinesisAsyncClient.builder()
            .endpointOverride(URI.create(url))
            .region(Region.US_EAST_1)
            .credentialsProvider(CREDENTIALS));
  }

  /** One line, tab separated; of all processes of the machine the first number orders them. */
  static synchronized void say(Object... words) {
    StringBuilder line = new StringBuilder().append(System.nanoTime());
    for (Object word : words) line.append('\t').append(word);
    System.out.println(line);
    System.out.flush();
  }
}
