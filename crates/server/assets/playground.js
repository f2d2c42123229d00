// The playground: text in, surprisal, next tokens and hidden states out. Everything comes from the server's own API.
//
//   read      /v1/next          a text, or a state and what follows it    → tokens, what may come next, hidden state
//   generate  /v1/completions   the same, streamed                        → pieces of text, one event for each token
//   fork      /v1/next          the text before a token                   → the state there, which the new branch begins with
//
// A column of the page, which shows what one model makes of the text, is in column.js.
// A branch is a text and, if it was forked, the states at its beginning: what comes after is read from there. Nothing is stored.
'use strict';

const LEVEL_BITS = 3, LEVELS = 5, TOP = 12, LAST_STATES = 64, LEAST_COLUMNS = 24;
const $ = (id) => document.getElementById(id);
const form = $('form'), text = $('text');
const bytesOf = new TextEncoder(), textOf = new TextDecoder();

let models = [];
let columns = [];
let branches = [{ name: 'Beginning', text: '', prefix: '', states: {} }];
let current = branches[0];
let reading = null;      // AbortController of the requests that describe the text
let writing = null;      // AbortController of the generation
let timer = 0;

// ---- The server ----

class Refused extends Error {}

async function ask(path, body, signal) {
  const headers = {};
  if (body) headers['content-type'] = 'application/json';
  if ($('key').value) headers.authorization = 'Bearer ' + $('key').value;
  const answer = await fetch(path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal });
  if (answer.ok) return answer;
  let message = 'The server answered ' + answer.status + '.';
  try { message = (await answer.json()).error.message; } catch (_) { /* not an error of the API: the status says it */ }
  if (answer.status === 401) $('key-field').hidden = false;
  throw new Refused(message);
}

// Calls `event` with each event of a stream.
async function stream(path, body, signal, event) {
  const reader = (await ask(path, body, signal)).body.getReader();
  const decoder = new TextDecoder();
  let held = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    held += decoder.decode(value, { stream: true });
    const events = held.split('\n\n');
    held = events.pop();
    for (const lines of events) {
      const data = lines.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n').trim();
      if (!data || data === '[DONE]') continue;
      const parsed = JSON.parse(data);
      if (parsed.error) throw new Refused(parsed.error.message);
      event(parsed);
    }
  }
}

// What the model is asked about: the text from its beginning, or the branch's state and what follows it.
function subject(model, whole) {
  const state = current.states[model];
  return state && whole.startsWith(current.prefix)
    ? { model, state, prompt: whole.slice(current.prefix.length) }
    : { model, prompt: whole };
}

// ---- Messages ----

function say(message) { $('status').textContent = message; }
function fail(error) {
  if (error.name === 'AbortError') return;
  $('error').textContent = error instanceof Refused ? error.message : 'The server cannot be reached. Is it still running?';
}
function element(name, classes, content) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (content !== undefined) made.textContent = content;
  return made;
}
const number = (value, digits) => Number.isFinite(value) ? value.toFixed(digits) : '∞';
const bitsOf = (logprob) => logprob === null ? Infinity : -logprob / Math.LN2 + 0;
const percent = (p) => (p >= 0.0995 ? (100 * p).toFixed(1) : p >= 0.0001 ? (100 * p).toPrecision(2) : '< 0.01') + ' %';
const shown = (token) => token.replace(/\n/g, '↵').replace(/\t/g, '⇥').replace(/^ | $/g, '·') || '(nothing)';
const spoken = (token) => token.trim() || (token.includes('\n') ? 'line end' : 'space');

// ---- The text ----

function setText(value) {
  text.value = value;
  refresh(0);
}

// Describes the text in every column, after a pause of `wait` milliseconds.
function refresh(wait) {
  clearTimeout(timer);
  if (reading) reading.abort();
  if (writing) return;
  current.text = text.value;
  timer = setTimeout(async () => {
    reading = new AbortController();
    const signal = reading.signal;
    try {
      await Promise.all(columns.map((column) => column.read(text.value, signal)));
      $('error').textContent = '';
      showBranches();
    } catch (error) { fail(error); }
  }, wait);
}

async function generate() {
  if (writing || !form.reportValidity()) return;
  clearTimeout(timer);
  if (reading) reading.abort();
  const value = (id) => Number($(id).value);
  const options = { temperature: value('temperature'), top_p: value('top-p'), seed: value('seed'), max_tokens: value('tokens') };
  if (value('top-k') > 0) options.top_k = value('top-k');
  writing = new AbortController();
  const signal = writing.signal, whole = text.value;
  $('generate').disabled = true;
  $('stop').disabled = false;
  $('error').textContent = '';
  say('Generating.');
  let ended = 'Generated';
  try {
    // What is shown may be of an earlier text.
    await Promise.all(columns.map((column) => column.read(whole, signal)));
    await Promise.all(columns.map((column) => column.write(whole, signal, options)));
  } catch (error) {
    ended = 'Stopped after';
    fail(error);
  }
  writing = null;
  const onStop = document.activeElement === $('stop');
  $('generate').disabled = false;
  $('stop').disabled = true;
  if (onStop) $('generate').focus();
  const fresh = columns.map((column) => column.tokens.filter((token) => token.isNew).length);
  say(`${ended} ${fresh.join(' and ')} tokens.`);
  if (columns.length === 1) setText(columns[0].written());
  // Each model has written its own text, and one of them may be kept.
  else columns.forEach((column) => { column.find('.kept').hidden = false; });
}

// ---- Branches ----

// Begins a branch after the first `count` tokens of a column: rewinds every model to that place and keeps its state there.
async function fork(column, count) {
  if (writing) return;
  const prefix = column.tokens.slice(0, count).map((token) => token.text).join('');
  const parent = current;
  try {
    const states = {}, tokens = {};
    await Promise.all(columns.map(async (each) => {
      const id = each.model.id;
      const asked = subject(id, prefix);
      const answer = await (await ask('v1/next', { ...asked, top: 0, tokens: true, return_state: true })).json();
      states[id] = answer.state;
      // The tokens up to here, as far as they are the same in this model's own cut.
      tokens[id] = each.tokens.slice(0, (asked.state ? each.prefixTokens : 0) + answer.tokens.length).map((token) => ({ ...token, isNew: false }));
    }));
    parent.text = parent.text || text.value;
    current = { name: 'Branch ' + branches.length, text: prefix, prefix, states, tokens };
    branches.push(current);
    setText(prefix);
    text.focus();
    text.setSelectionRange(prefix.length, prefix.length);
    say(`${current.name} begins after ${spoken(column.tokens[count - 1].text)}.`);
    showBranches();
  } catch (error) { fail(error); }
}

function showBranches() {
  $('branches').replaceChildren(...branches.map((branch, at) => {
    const item = element('li'), open = element('button', 'open', `${branch.name}: ${ending(branch.text)}`);
    open.type = 'button';
    if (branch === current) open.setAttribute('aria-current', 'true');
    open.addEventListener('click', () => { openBranch(branch); $('branches').children[at].firstElementChild.focus(); });
    item.append(open);
    if (at > 0) {
      const remove = element('button', '', 'Delete');
      remove.type = 'button';
      remove.setAttribute('aria-label', 'Delete ' + branch.name);
      remove.addEventListener('click', () => {
        branches = branches.filter((other) => other !== branch);
        openBranch(branch === current ? branches[0] : current);
        $('branches').children[0].firstElementChild.focus();
        say(`Deleted ${branch.name}.`);
      });
      item.append(remove);
    }
    return item;
  }));
}

// The last words of a text.
function ending(whole) {
  const plain = whole.trim().replace(/\s+/g, ' ');
  return plain.length > 70 ? '… ' + plain.slice(-70).replace(/^\S* /, '') : plain || 'no text';
}

function openBranch(branch) {
  if (writing) return;
  current = branch;
  setText(branch.text);
  showBranches();
}

// ---- Models ----

function chosen() {
  const ids = [$('model').value, $('beside').value].filter((id, at, all) => id && all.indexOf(id) === at);
  columns = [];
  for (const id of ids) columns.push(new Column(models.find((model) => model.id === id)));
  $('columns').className = columns.length === 2 ? 'two' : 'one';
  $('columns').replaceChildren(...columns.map((column) => column.root));
  // A state belongs to the model that made it: a branch without one for a model is read from the beginning.
  refresh(0);
}

async function begin() {
  try {
    const answer = await (await ask('v1/models')).json();
    models = answer.data.map((model) => ({ id: model.id, description: model.description || '' }));
    for (const model of models) {
      $('model').append(new Option(model.id, model.id));
      $('beside').append(new Option(model.id, model.id));
    }
    $('beside').prepend(new Option('none', ''));
    $('beside').value = models.length > 1 ? models[1].id : '';
    $('beside-field').hidden = models.length < 2;
    $('error').textContent = '';
    chosen();
  } catch (error) { fail(error); }
}

form.addEventListener('submit', (event) => { event.preventDefault(); generate(); });
$('stop').addEventListener('click', () => writing && writing.abort());
text.addEventListener('input', () => refresh(250));
for (const id of ['model', 'beside']) $(id).addEventListener('change', chosen);
$('key').addEventListener('change', () => models.length ? refresh(0) : begin());
document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.repeat) { event.preventDefault(); generate(); }
  if (event.key === 'Escape' && writing) writing.abort();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => columns.forEach((column) => column.draw()));
begin();
