"""Process: the Kafka consumer. Run it with `python run_consumer.py`; more of them share the partitions."""

from app.kafka.consumer import main

if __name__ == "__main__":
    main()
