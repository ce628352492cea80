"""The gateway's packages and scripts, tried without a gateway: `make gateway`."""
