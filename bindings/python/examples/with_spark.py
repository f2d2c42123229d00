"""Score a column of a Spark data frame: `python with_spark.py MODEL TEXT`.

`mapInPandas` would do as well; a partition of an RDD needs neither pandas nor pyarrow. The model goes to the workers by its path, which must exist there
(`SparkContext.addFile` brings an n-gram model's file).
"""

import os
import sys

from pyspark.sql import SparkSession

import elman


def score(model):
    def of_partition(rows):
        lines = [row["value"] for row in rows]
        return zip(lines, (row["log10_p"] for row in model.score(lines)))

    return of_partition


def main(path, text):
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers need elman too
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    lines = spark.read.text(text).repartition(4)
    scored = lines.rdd.mapPartitions(score(elman.load(path, threads=1))).toDF(["line", "log10_p"])
    total, count = scored.groupBy().sum("log10_p").first()[0], scored.count()
    spark.stop()
    print(f"{count} lines, log10 p {total:.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
