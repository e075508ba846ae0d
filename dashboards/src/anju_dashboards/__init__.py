"""The screens of Anju: pages drawn by the server, kept live by one stream."""
