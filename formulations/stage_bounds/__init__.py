"""The bound over all plans, stages included: how fast a stage could possibly be among queues."""
