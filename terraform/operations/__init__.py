"""The commands that operate a deployment on AWS: make deploy, destroy, ssh, logs and redrive."""
