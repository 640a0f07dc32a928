"""The next release of an installation on one server, from a bundle, by root: at the console, or because a page asked for it.

Who installs trusts the maker's key and nothing that the user of the service can write. So whatever that user owns is
read, written and removed by children with that user's rights (`children`), never by root.
"""
