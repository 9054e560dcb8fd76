// Holds librdkafka's mock broker open for other programs: prints its address, makes topics, ends with its input.
//
// Each line of the input is a topic's name and its number of partitions; each is answered with a line.
#include <stdio.h>
#include "rdkafka.h"
#include "rdkafka_mock.h"

int main(void) {
  char text[512];
  rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
  if (!handle) {
    fprintf(stderr, "no handle: %s\n", text);
    return 1;
  }
  rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(handle, 1);
  if (!cluster) {
    fprintf(stderr, "no mock cluster\n");
    return 1;
  }
  printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  fflush(stdout);
  char line[512], name[256];
  int partitions;
  while (fgets(line, sizeof(line), stdin)) {
    if (sscanf(line, "%255s %d", name, &partitions) != 2) continue;
    printf("%s\n", rd_kafka_err2str(rd_kafka_mock_topic_create(cluster, name, partitions, 1)));
    fflush(stdout);
  }
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(handle);
  return 0;
}
