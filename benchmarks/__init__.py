"""What the promises of speed and size cost, measured against what a user would pick instead; see README.md."""
