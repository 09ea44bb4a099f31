"""Access to DynamoDB and S3."""
