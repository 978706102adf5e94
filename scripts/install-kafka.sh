#!/bin/sh
# Apache Kafka's own server from Maven Central, without the rest of its distribution: the folder of
# its jars is printed. Takes Maven and a JDK of at least 17.
#   scripts/install-kafka.sh CACHE [VERSION]
set -eu
cache=$1
version=${2:-4.3.1}
folder=$cache/kafka-$version
if [ ! -f "$folder/complete" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    cat >"$folder/pom.xml" <<EOF
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>none</groupId>
  <artifactId>none</artifactId>
  <version>0</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version>
    </dependency>
  </dependencies>
</project>
EOF
    mvn --quiet --batch-mode --file "$folder/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime "-DoutputDirectory=$folder/libs" >&2
    touch "$folder/complete"
fi
printf '%s\n' "$folder"
