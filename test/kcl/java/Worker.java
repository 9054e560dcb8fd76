// A worker of the Kinesis Client Library: says each record, and each shard that it takes and gives up, until its input ends.

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.MetricsLevel;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public final class Worker {
  /** Seconds by default, of which a test would spend minutes. */
  private static final long SHORT_MS = 500;

  private static final long FAILOVER_MS = 3000;
  private static final long STOP_MAX_S = 20;

  /** kinesis URL, dynamodb URL, stream, application, worker, polling or fan-out. */
  public static void main(String[] args) throws Exception {
    KinesisAsyncClient kinesis = Common.kinesis(args[0]);
    URI tables = URI.create(args[1]);
    DynamoDbAsyncClient dynamo =
        DynamoDbAsyncClient.builder()
            .endpointOverride(tables)
            .region(Region.US_EAST_1)
            .credentialsProvider(Common.CREDENTIALS)
            .httpClientBuilder(NettyNioAsyncHttpClient.builder().maxConcurrency(20))
            .build();
    CloudWatchAsyncClient metrics =
        CloudWatchAsyncClient.builder()
            .endpointOverride(tables)
            .region(Region.US_EAST_1)
            .credentialsProvider(Common.CREDENTIALS)
            .build();
    SingleStreamTracker stream =
        new SingleStreamTracker(
            args[2],
            InitialPositionInStreamExtended.newInitialPosition(
                InitialPositionInStream.TRIM_HORIZON));
    ConfigsBuilder configs =
        new ConfigsBuilder(stream, args[3], kinesis, dynamo, metrics, args[4], Processor::new);
    Scheduler scheduler = scheduler(configs, retrieval(args[5], args[2], args[3], kinesis));
    new Thread(scheduler, "scheduler").start();
    Common.say("runs");
    while (System.in.read() >= 0) {}
    Common.say("stopped", hasStopped(scheduler));
    System.exit(0);
  }

  /** Whether it gave up its shards in order; if not, what it was doing is told. */
  private static boolean hasStopped(Scheduler scheduler) throws Exception {
    try {
      return scheduler.startGracefulShutdown().get(STOP_MAX_S, TimeUnit.SECONDS);
    } catch (TimeoutException late) {
      Thread.getAllStackTraces()
          .forEach((thread, stack) -> System.err.println(thread + " " + Arrays.toString(stack)));
      return false;
    }
  }

  private static RetrievalSpecificConfig retrieval(
      String way, String stream, String application, KinesisAsyncClient kinesis) {
    if (way.equals("fan-out")) {
      return new FanOutConfig(kinesis).streamName(stream).applicationName(application);
    }
    return new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(SHORT_MS);
  }

  private static Scheduler scheduler(ConfigsBuilder configs, RetrievalSpecificConfig retrieval) {
    var leases =
        configs
            .leaseManagementConfig()
            .failoverTimeMillis(FAILOVER_MS)
            .leaseAssignmentIntervalMillis(SHORT_MS)
            .shardSyncIntervalMillis(2 * SHORT_MS)
            .leasesRecoveryAuditorExecutionFrequencyMillis(2 * SHORT_MS)
            .dynamoDbLockBasedLeaderLeaseDurationInMillis(FAILOVER_MS)
            .dynamoDbLockBasedLeaderHeartbeatPeriodInMillis(SHORT_MS);
    leases
        .workerUtilizationAwareAssignmentConfig()
        .inMemoryWorkerMetricsCaptureFrequencyMillis(SHORT_MS)
        .workerMetricsReporterFreqInMillis(SHORT_MS);
    leases.gracefulLeaseHandoffConfig().gracefulLeaseHandoffTimeoutMillis(FAILOVER_MS);
    return new Scheduler(
        configs.checkpointConfig(),
        configs
            .coordinatorConfig()
            .parentShardPollIntervalMillis(SHORT_MS)
            .shardConsumerDispatchPollIntervalMillis(SHORT_MS / 5),
        leases,
        configs.lifecycleConfig().taskBackoffTimeMillis(SHORT_MS),
        configs.metricsConfig().metricsLevel(MetricsLevel.NONE),
        configs.processorConfig(),
        configs.retrievalConfig().retrievalSpecificConfig(retrieval));
  }

  private static final class Processor implements ShardRecordProcessor {
    private String shard = "";

    @Override
    public void initialize(InitializationInput input) {
      shard = input.shardId();
      Common.say("takes", shard, input.extendedSequenceNumber().sequenceNumber());
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
      for (KinesisClientRecord record : input.records()) {
        byte[] data = new byte[record.data().remaining()];
        record.data().get(data);
        String text = new String(data, StandardCharsets.UTF_8);
        Common.say("record", shard, record.partitionKey(), text, record.aggregated());
      }
      if (!input.records().isEmpty()) checkpoint(input.checkpointer());
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
      Common.say("loses", shard);
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
      Common.say("ends", shard);
      checkpoint(input.checkpointer());
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
      checkpoint(input.checkpointer());
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
      try {
        checkpointer.checkpoint();
      } catch (ShutdownException lost) {
        Common.say("fenced", shard);
      } catch (InvalidStateException error) {
        throw new IllegalStateException(error);
      }
    }
  }
}
