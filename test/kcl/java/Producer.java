// Writes records with the Kinesis Producer Library, which packs them into aggregates, and says where they went.

import com.google.common.util.concurrent.ListenableFuture;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

public final class Producer {
  /** https URL, stream, how many keys; then a line for each burst: a prefix of its keys, and how many records. */
  public static void main(String[] args) throws Exception {
    KinesisProducer producer = new KinesisProducer(config(URI.create(args[0])));
    int keys = Integer.parseInt(args[2]);
    BufferedReader bursts = new BufferedReader(new InputStreamReader(System.in));
    for (String burst = bursts.readLine(); burst != null; burst = bursts.readLine()) {
      String[] words = burst.split(" ");
      int count = Integer.parseInt(words[1]);
      List<ListenableFuture<UserRecordResult>> results = new ArrayList<>();
      for (int index = 0; index < count; index += 1) {
        byte[] data = String.valueOf(index / keys).getBytes(StandardCharsets.UTF_8);
        String key = words[0] + "-" + index % keys;
        results.add(producer.addUserRecord(args[1], key, ByteBuffer.wrap(data)));
      }
      Set<String> stored = new HashSet<>();
      for (ListenableFuture<UserRecordResult> result : results) {
        UserRecordResult put = result.get(60, TimeUnit.SECONDS);
        stored.add(put.getShardId() + " " + put.getSequenceNumber());
      }
      // Some went together: a record of the stream holds many.
      Common.say("put", words[0], count, stored.size());
    }
    producer.flushSync();
    producer.destroy();
    System.exit(0);
  }

  private static KinesisProducerConfiguration config(URI url) {
    return new KinesisProducerConfiguration()
        .setKinesisEndpoint(url.getHost())
        .setKinesisPort(url.getPort())
        .setStsEndpoint(url.getHost())
        .setStsPort(url.getPort())
        .setCloudwatchEndpoint(url.getHost())
        .setCloudwatchPort(url.getPort())
        .setVerifyCertificate(false)
        .setRegion("us-east-1")
        .setMetricsLevel("none")
        .setLogLevel("info")
        .setRecordMaxBufferedTime(100)
        .setCredentialsProvider(Common.CREDENTIALS);
  }
}
