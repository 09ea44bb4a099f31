"""What does Keel cost? Benchmarks with the real handlers and engine, interleaved with what they are held against."""
