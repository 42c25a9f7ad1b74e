"""make deploy, destroy, ssh, logs and redrive: the deployment on AWS, operated from a terminal."""
