//! What the model says is written by the test, word by word, so that everything is checked exactly.

mod answers;
mod cancel;
mod dialects;
mod environment;
mod evidence;
mod faults;
mod limits;
mod mcp_http;
mod mcp_odd;
mod mcp_real;
mod mcp_stdio;
mod sessions;
mod skills;
mod sub_agents;
mod tools;
mod traces;
