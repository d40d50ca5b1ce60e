//! A pool as a service of `tower`: alone, under and around its middleware, and over HTTP.

mod contract;
mod http;
mod middleware;
mod scene;
mod services;
mod streaming;
