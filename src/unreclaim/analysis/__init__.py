"""Pure judgement: from an Observation to a Diagnosis. It opens no file and reads no clock."""
