"""What wpkg does, one file a verb. Nothing here prints or exits; results are values, progress is reported."""
