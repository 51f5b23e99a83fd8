"""`vdsm bench`: how fast this machine trains, and how fast it could."""
