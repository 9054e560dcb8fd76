// A tour of the Kinesis API with the AWS SDK for Java, asynchronous over Netty: a stream's life, puts at once, reads, a subscription.

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.SdkHttpConfigurationOption;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.ConsumerStatus;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.KinesisException;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ScalingType;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardRequest;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;
import software.amazon.awssdk.utils.AttributeMap;

public final class Sdk {
  private static final int ONES = 200;
  private static final int MANY = 500;

  /** URL, stream, HTTP1_1 or HTTP2. */
  public static void main(String[] args) throws Exception {
    var http =
        NettyNioAsyncHttpClient.builder()
            .protocol(Protocol.valueOf(args[2]))
            .maxConcurrency(50)
            .connectionAcquisitionTimeout(Duration.ofSeconds(30))
            .buildWithDefaults(
                AttributeMap.builder()
                    .put(SdkHttpConfigurationOption.TRUST_ALL_CERTIFICATES, true)
                    .build());
    KinesisAsyncClient kinesis =
        KinesisAsyncClient.builder()
            .endpointOverride(URI.create(args[0]))
            .region(Region.US_EAST_1)
            .credentialsProvider(Common.CREDENTIALS)
            .httpClient(http)
            .build();
    String stream = args[1];
    kinesis.createStream(to -> to.streamName(stream).shardCount(2)).join();
    kinesis.waiter().waitUntilStreamExists(of -> of.streamName(stream)).join();
    String arn =
        kinesis
            .describeStreamSummary(of -> of.streamName(stream))
            .join()
            .streamDescriptionSummary()
            .streamARN();
    Common.say("arn", arn);
    put(kinesis, stream);
    List<Shard> before = shards(kinesis, stream);
    for (Shard shard : before) Common.say("read", shard.shardId(), read(kinesis, stream, shard));
    if (args[2].equals("HTTP2")) {
      for (Shard shard : before) Common.say("pushed", shard.shardId(), pushed(kinesis, arn, shard));
    }
    kinesis
        .updateShardCount(
            of ->
                of.streamName(stream).targetShardCount(3).scalingType(ScalingType.UNIFORM_SCALING))
        .join();
    while (isUpdating(kinesis, stream)) TimeUnit.MILLISECONDS.sleep(50);
    Common.say("open", shards(kinesis, stream).stream().filter(Sdk::isOpen).count());
    Common.say("refused", refusal(kinesis));
    kinesis.deleteStream(of -> of.streamName(stream).enforceConsumerDeletion(true)).join();
    kinesis.waiter().waitUntilStreamNotExists(of -> of.streamName(stream)).join();
    Common.say("deleted");
    kinesis.close();
    http.close();
    System.exit(0);
  }

  /** Each of the ones in a call of its own, all at once; then many in one. */
  private static void put(KinesisAsyncClient kinesis, String stream) {
    List<CompletableFuture<?>> ones = new ArrayList<>();
    for (int index = 0; index < ONES; index += 1) {
      String key = "car-" + index;
      SdkBytes data = SdkBytes.fromUtf8String("one " + index);
      ones.add(
          kinesis.putRecord(of -> of.streamName(stream).partitionKey(key).data(data)));
    }
    CompletableFuture.allOf(ones.toArray(CompletableFuture[]::new)).join();
    List<PutRecordsRequestEntry> entries =
        IntStream.range(0, MANY)
            .mapToObj(index -> entry("car-" + index, "many " + index))
            .toList();
    int failed =
        kinesis.putRecords(of -> of.streamName(stream).records(entries)).join().failedRecordCount();
    Common.say("put", ONES, MANY, failed);
  }

  private static PutRecordsRequestEntry entry(String key, String text) {
    return PutRecordsRequestEntry.builder()
        .partitionKey(key)
        .data(SdkBytes.fromUtf8String(text))
        .build();
  }

  private static List<Shard> shards(KinesisAsyncClient kinesis, String stream) {
    return kinesis.listShards(of -> of.streamName(stream)).join().shards();
  }

  private static boolean isUpdating(KinesisAsyncClient kinesis, String stream) {
    return kinesis
            .describeStreamSummary(of -> of.streamName(stream))
            .join()
            .streamDescriptionSummary()
            .streamStatus()
        == StreamStatus.UPDATING;
  }

  private static boolean isOpen(Shard shard) {
    return shard.sequenceNumberRange().endingSequenceNumber() == null;
  }

  private static int read(KinesisAsyncClient kinesis, String stream, Shard shard) {
    String iterator =
        kinesis
            .getShardIterator(
                of ->
                    of.streamName(stream)
                        .shardId(shard.shardId())
                        .shardIteratorType(ShardIteratorType.TRIM_HORIZON))
            .join()
            .shardIterator();
    int count = 0;
    while (true) {
      String next = iterator;
      GetRecordsResponse page = kinesis.getRecords(of -> of.shardIterator(next).limit(100)).join();
      if (page.records().isEmpty() && page.millisBehindLatest() == 0) return count;
      count += page.records().size();
      iterator = page.nextShardIterator();
    }
  }

  /** How many records a subscription brings from the shard's beginning to its present end. */
  private static int pushed(KinesisAsyncClient kinesis, String arn, Shard shard) throws Exception {
    String name = "wall-" + shard.shardId();
    String consumer =
        kinesis
            .registerStreamConsumer(of -> of.streamARN(arn).consumerName(name))
            .join()
            .consumer()
            .consumerARN();
    while (kinesis
            .describeStreamConsumer(of -> of.consumerARN(consumer))
            .join()
            .consumerDescription()
            .consumerStatus()
        != ConsumerStatus.ACTIVE) {
      TimeUnit.MILLISECONDS.sleep(50);
    }
    ConcurrentLinkedQueue<Record> records = new ConcurrentLinkedQueue<>();
    CompletableFuture<Integer> atEnd = new CompletableFuture<>();
    SubscribeToShardResponseHandler handler =
        SubscribeToShardResponseHandler.builder()
            .onError(atEnd::completeExceptionally)
            .subscriber(
                SubscribeToShardResponseHandler.Visitor.builder()
                    .onSubscribeToShardEvent(
                        event -> {
                          records.addAll(event.records());
                          boolean isBehind = event.millisBehindLatest() > 0;
                          if (!isBehind && !records.isEmpty()) atEnd.complete(records.size());
                        })
                    .build())
            .build();
    SubscribeToShardRequest request =
        SubscribeToShardRequest.builder()
            .consumerARN(consumer)
            .shardId(shard.shardId())
            .startingPosition(at -> at.type(ShardIteratorType.TRIM_HORIZON))
            .build();
    CompletableFuture<Void> call = kinesis.subscribeToShard(request, handler);
    int count = atEnd.get(20, TimeUnit.SECONDS);
    call.cancel(true);
    return count;
  }

  /** What a call for a stream that is not there comes to. */
  private static String refusal(KinesisAsyncClient kinesis) {
    try {
      kinesis.describeStreamSummary(of -> of.streamName("nobody")).join();
      return "nothing";
    } catch (CompletionException error) {
      KinesisException cause = (KinesisException) error.getCause();
      return cause.getClass().getSimpleName() + " " + cause.awsErrorDetails().errorMessage();
    }
  }
}
