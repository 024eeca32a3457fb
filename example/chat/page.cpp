#include "page.hpp"

namespace chat {

const std::string_view page_text = R"page(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Chat</title>
<link rel="icon" href="data:,">
<style>
:root {
  --back: #fbfbfa; --front: #1c1e21; --faint: #63686f; --line: #dcdedf; --mark: #1d6b4f;
  --alarm: #a3341f; --field: #fff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #16181a; --front: #e6e7e8; --faint: #9aa0a6; --line: #33373b; --mark: #6cc7a1;
    --alarm: #f0937f; --field: #1f2225;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 46rem; height: 100vh; height: 100dvh; padding: 0 1rem; display: flex;
  flex-direction: column; background: var(--back); color: var(--front);
  font: 1rem/1.45 system-ui, sans-serif;
}
header, footer { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; padding: .75rem 0; }
header { border-bottom: 1px solid var(--line); }
footer { border-top: 1px solid var(--line); flex-wrap: nowrap; }
h1 { font-size: 1.15rem; margin: 0; overflow-wrap: anywhere; }
#state { color: var(--mark); }
body[data-state="away"] #state, body[data-state="closed"] #state { color: var(--alarm); }
#people { flex-basis: 100%; margin: 0; color: var(--faint); font-size: .875rem; overflow-wrap: anywhere; }
#lines { flex: 1; min-height: 0; overflow-y: auto; list-style: none; margin: 0; padding: .5rem 0; }
#lines li { padding: .15rem 0; overflow-wrap: anywhere; white-space: pre-wrap; }
#lines b { color: var(--mark); margin-right: .5rem; }
#lines .note { color: var(--faint); font-size: .875rem; }
#lines .alarm { color: var(--alarm); font-size: .875rem; }
input, button {
  font: inherit; color: inherit; background: var(--field); border: 1px solid var(--line);
  border-radius: .4rem; padding: .55rem .7rem; min-width: 0;
}
input { flex: 1; }
button { cursor: pointer; }
input:focus-visible, button:focus-visible { outline: 2px solid var(--mark); outline-offset: 1px; }
</style>
</head>
<body data-state="closed" data-connections="0">
<header>
<h1 id="room"></h1>
<span id="state" role="status"></span>
<p id="people"></p>
</header>
<ol id="lines" aria-live="polite"></ol>
<form>
<footer>
<input id="text" autocomplete="off" maxlength="1000" aria-label="Say something" placeholder="Say something, or /nick NAME">
<button>Send</button>
</footer>
</form>
<script>
"use strict";
const at = id => document.getElementById(id);
const room = location.hash.slice(1) || "lobby";
const people = new Set();
let socket, nick = "", last = 0, pause = 500;
onhashchange = () => location.reload();

function add(kind, text, author) {
  const lines = at("lines");
  const follows = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  const item = document.createElement("li");
  item.className = kind;
  if (author) item.append(Object.assign(document.createElement("b"), {textContent: author}));
  item.append(text);
  lines.append(item);
  while (lines.childElementCount > 500) lines.firstElementChild.remove();
  if (follows) lines.scrollTop = lines.scrollHeight;
}

function show(state) {
  document.body.dataset.state = state;
  at("room").textContent = document.title = "#" + room;
  at("state").textContent =
    {open: "you are " + nick, away: "the room is away …", closed: "not connected"}[state];
  at("people").textContent = [...people].join(", ");
}

// A line is a word that says what it is, and what belongs to that.
const heard = {
  welcome(name) { nick = name; },
  here(...names) { people.clear(); names.forEach(n => people.add(n)); },
  joined(name) { people.add(name); add("note", name + " has come in"); },
  left(name) { people.delete(name); add("note", name + " has left"); },
  renamed(was, name) {
    people.delete(was); people.add(name); add("note", was + " is called " + name);
  },
  said(number, author, ...text) {
    if (+number <= last) return;  // seen before the connection was lost
    last = +number;
    add("said", text.join(" "), author);
  },
  refused(...why) { add("alarm", why.join(" ")); },
  away() { add("alarm", "the room has crashed"); },
  back() { add("note", "the room is back"); },
};

function connect() {
  socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/rooms/" + room);
  document.body.dataset.connections++;
  socket.onmessage = ({data}) => {
    const [word, ...rest] = data.split(" ");
    heard[word]?.(...rest);
    pause = 500;
    show(word == "away" ? "away" : "open");
  };
  socket.onclose = () => {
    people.clear();
    show("closed");
    setTimeout(connect, pause);
    pause = Math.min(2 * pause, 15000);
  };
}

document.forms[0].onsubmit = event => {
  event.preventDefault();
  const text = at("text").value.trim();
  if (!text || socket.readyState != WebSocket.OPEN) return;
  socket.send(text);
  at("text").value = "";
};
show("closed");
connect();
</script>
</body>
</html>
)page";

}  // namespace chat
