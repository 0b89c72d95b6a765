"""What may go, and when: runs that ended long ago, deliveries of old, and the folders that runs leave behind.

Everything here is a generator of small steps, each of them whole in itself, so that whoever takes them may stop after
any, and whoever comes next finds what is left.
"""
