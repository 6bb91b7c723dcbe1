mod api_server;
mod backup;
mod kubernetes;
mod steps;
