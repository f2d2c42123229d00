// The playground: text in, surprisal, next tokens and hidden states out. Everything comes from the server's own API.
//
//   read      /v1/next          a text, or a state and what follows it    → tokens, what may come next, hidden state
//   generate  /v1/completions   the same, streamed                        → pieces of text, one event for each token
//   fork      /v1/next          the text before a token                   → the state there, which the new branch begins with
//
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

// ---- A column: one model ----

class Column {
  constructor(model) {
    this.model = model;
    this.tokens = [];      // { text, bits, unknown, isNew }: those of the branch's prefix, those of the text, those just written
    this.hidden = [];      // { token, values }
    this.layers = [];
    this.part = { layer: 0, part: 'h' };
    this.root = $('column').content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.root.querySelector(selector);
    const title = this.find('h2');
    title.textContent = model.id;
    title.id = 'column-' + columns.length;
    this.root.setAttribute('aria-labelledby', title.id);
    this.find('.text').setAttribute('aria-label', 'Tokens of the text in ' + model.id + '. The arrow keys move, Enter continues from a token.');
    this.find('.next').setAttribute('aria-label', 'Next tokens in ' + model.id);
    this.legend();
    this.find('.text').addEventListener('keydown', (event) => this.move(event));
    this.find('.keep').addEventListener('click', () => { setText(this.written()); text.focus(); });
    this.find('.layer').addEventListener('change', (event) => {
      const [layer, part] = event.target.value.split(' ');
      this.part = { layer: Number(layer), part };
      refresh(0);
    });
    for (const range of ['.at-token', '.at-unit']) this.find(range).addEventListener('input', () => this.cell());
    this.find('canvas').addEventListener('pointermove', (event) => this.point(event));
    this.find('canvas').addEventListener('pointerdown', (event) => this.point(event));
    this.find('details').addEventListener('toggle', () => this.numbers());
  }

  legend() {
    const legend = this.find('.colours');
    for (let level = 0; level <= LEVELS; level++) {
      const [least, most] = [level * LEVEL_BITS, (level + 1) * LEVEL_BITS];
      const name = level === 0 ? `below ${most} bits` : level === LEVELS ? `${least} and more` : `${least} to ${most}`;
      legend.append(element('span', 'level' + level, name), ' ');
    }
  }

  written() { return this.tokens.map((token) => token.text).join(''); }

  // Describes the text.
  async read(whole, signal) {
    const asked = subject(this.model.id, whole);
    const answer = await (await ask('v1/next', {
      ...asked, top: TOP, tokens: true, hidden: { ...this.part, last: LAST_STATES },
    }, signal)).json();
    const bytes = bytesOf.encode(asked.prompt);
    const kept = asked.state ? (current.tokens[this.model.id] || []) : [];
    let end = 0;
    const tokens = answer.tokens.map((token, at) => {
      // White space that belongs to no token is shown before the token that follows it.
      const upTo = at + 1 === answer.tokens.length ? bytes.length : token.end;
      const part = textOf.decode(bytes.subarray(end, upTo));
      end = upTo;
      return { text: part, bits: bitsOf(token.logprob), unknown: token.unknown, name: token.token };
    });
    this.tokens = [...kept, ...tokens];
    this.prefixTokens = kept.length;
    this.find('.kept').hidden = true;
    this.showTokens();
    this.showNext(answer);
    this.takeHidden(answer.hidden, tokens);
  }

  showTokens() {
    const box = this.find('.text');
    const focus = box.contains(document.activeElement) ? [...box.children].indexOf(document.activeElement) : -1;
    box.replaceChildren();
    this.tokens.forEach((token, at) => this.put(token, at));
    if (!this.tokens.length) box.append(element('span', 'mark', 'No tokens yet.'));
    const stop = box.children[focus >= 0 ? Math.min(focus, this.tokens.length - 1) : 0];
    if (stop && stop.tabIndex === -1) stop.tabIndex = 0;
    // What is said of a token belongs to the text before, unless the token has the focus.
    this.find('.token-detail').textContent = '';
    if (focus >= 0 && stop) stop.focus();
    this.summary();
  }

  // A token at the end of those that are shown. A line end is a mark, and ends the line.
  put(token, at) {
    const made = this.button(token, at);
    this.find('.text').append(made);
    if (token.text.endsWith('\n')) this.find('.text').append('\n');
    return made;
  }

  button(token, at) {
    const level = Math.min(LEVELS, Math.max(0, Math.floor(token.bits / LEVEL_BITS)));
    const made = element('button', 'level' + level + (token.unknown ? ' unknown' : '') + (token.isNew ? ' new' : ''),
      token.text === '' ? '·' : token.text.replace(/\n$/, '↵').replace(/\n/g, '↵\n'));
    made.type = 'button';
    made.tabIndex = -1;
    made.setAttribute('aria-label', `${spoken(token.text)}, ${number(token.bits, 2)} bits${token.unknown ? ', not in the vocabulary' : ''}`);
    const show = () => {
      this.find('.token-detail').textContent = `${shown(token.text)}: ${number(token.bits, 4)} bits, p = ${(2 ** -token.bits).toPrecision(3)}`
        + (token.unknown ? `; not in the vocabulary, read as ${token.name}` : '') + `. Token ${at + 1} of ${this.tokens.length}.`;
    };
    made.addEventListener('pointerenter', show);
    made.addEventListener('focus', show);
    made.addEventListener('click', () => fork(this, at + 1));
    return made;
  }

  summary() {
    const bits = this.tokens.reduce((sum, token) => sum + token.bits, 0);
    const count = this.tokens.length;
    this.find('.summary').textContent = this.model.description + (count
      ? ` · ${count} ${count === 1 ? 'token' : 'tokens'}, ${number(bits, 1)} bits, perplexity ${number(2 ** (bits / count), 1)}`
      : '');
  }

  // Arrow keys move between tokens; one of them is in the order of the Tab key.
  move(event) {
    const buttons = [...this.find('.text').querySelectorAll('button')];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + 10, ArrowUp: at - 10, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    buttons[at].tabIndex = -1;
    const next = buttons[Math.max(0, Math.min(buttons.length - 1, to))];
    next.tabIndex = 0;
    next.focus();
  }

  showNext(answer) {
    const list = this.find('.next');
    const most = answer.next.length ? answer.next[0].prob : 1;
    this.find('.entropy').textContent = `Entropy ${number(answer.entropy / Math.LN2, 2)} bits.`;
    list.replaceChildren(...answer.next.map((token) => {
      const item = element('li'), take = element('button');
      take.type = 'button';
      take.append(word(token.text), bar(token.prob / most), element('span', 'p', percent(token.prob)));
      take.addEventListener('click', () => { setText(text.value + token.text); say(`Took ${spoken(token.text)}.`); });
      item.append(take);
      return item;
    }));
  }

  // ---- Generation ----

  async write(whole, signal, options) {
    const asked = subject(this.model.id, whole);
    let tokens = 0;
    await stream('v1/completions', {
      ...asked, ...options, stream: true, logprobs: 0, hidden: { ...this.part, last: LAST_STATES },
    }, signal, (event) => {
      const choice = event.choices[0];
      if (!choice) return;
      const logprobs = (choice.logprobs && choice.logprobs.token_logprobs) || [];
      tokens += logprobs.length;
      if (choice.text || logprobs.length) {
        const bits = logprobs.reduce((sum, logprob) => sum + bitsOf(logprob), 0);
        this.add({ text: choice.text, bits, unknown: false, isNew: true }, choice.hidden);
      }
    });
    return tokens;
  }

  add(token, hidden) {
    const box = this.find('.text');
    if (!this.tokens.length) box.replaceChildren();
    this.tokens.push(token);
    const made = this.put(token, this.tokens.length - 1);
    if (this.tokens.length === 1) made.tabIndex = 0;
    box.scrollTop = box.scrollHeight;
    this.summary();
    if (hidden) this.takeHidden(hidden, [token]);
  }

  // ---- Hidden state ----

  // Takes the states after the last of `tokens`. While text streams they join those before.
  takeHidden(hidden, tokens) {
    this.find('.state').hidden = !hidden;
    if (!hidden) return;
    this.showLayers(hidden);
    const rows = hidden.values.map((values, at) => {
      const token = tokens[tokens.length - hidden.values.length + at];
      return { token: token ? token.text : '', values };
    });
    const continues = tokens.length === 1 && tokens[0].isNew;
    this.hidden = [...(continues ? this.hidden : []), ...rows].slice(-LAST_STATES);
    this.find('.at-token').max = Math.max(0, this.hidden.length - 1);
    this.find('.at-token').value = this.hidden.length - 1;
    const units = this.hidden.length ? this.hidden[0].values.length : 1;
    this.find('.at-unit').max = units - 1;
    this.draw();
    this.cell();
  }

  showLayers(hidden) {
    const select = this.find('.layer');
    if (select.options.length) return;
    hidden.layers.forEach((layer, k) => layer.parts.forEach((part) => {
      const name = { h: 'hidden state h', c: 'cell state c' }[part];
      const option = element('option', '', `${k + 1}: ${name}, ${layer.units} units`);
      option.value = k + ' ' + part;
      select.append(option);
    }));
  }

  // A column of the picture is a token, a row a unit; the colour is the value, blue below zero and red above.
  draw() {
    const canvas = this.find('canvas'), rows = this.hidden;
    const units = rows.length ? rows[0].values.length : 1;
    const width = Math.max(LEAST_COLUMNS, rows.length);
    [canvas.width, canvas.height] = [width, units];
    const style = getComputedStyle(document.documentElement);
    const [low, high] = ['--low', '--high'].map((name) => rgb(style.getPropertyValue(name)));
    const context = canvas.getContext('2d');
    const picture = context.createImageData(width, units);
    // A cell state may be larger than 1: the scale is that of the largest value.
    const most = Math.max(1, ...rows.map((row) => row.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)));
    rows.forEach((row, x) => row.values.forEach((value, y) => {
      const colour = value < 0 ? low : high;
      picture.data.set([...colour, Math.round(255 * Math.min(1, Math.abs(value) / most))], 4 * (y * width + x));
    }));
    context.putImageData(picture, 0, 0);
    const label = most === 1 ? '1' : number(most, 1);
    this.find('.least').textContent = '−' + label;
    this.find('.most').textContent = '+' + label;
    canvas.setAttribute('aria-label', `Heat map of ${units} units after the last ${rows.length} tokens. `
      + 'The fields Token and Unit below choose a value.');
  }

  point(event) {
    const canvas = this.find('canvas'), box = canvas.getBoundingClientRect();
    const place = (at, size, cells) => Math.max(0, Math.min(cells - 1, Math.floor(at / size * cells)));
    this.find('.at-token').value = place(event.clientX - box.left, box.width, canvas.width);
    this.find('.at-unit').value = place(event.clientY - box.top, box.height, canvas.height);
    this.cell();
  }

  cell() {
    const token = this.find('.at-token'), unit = this.find('.at-unit');
    const row = this.hidden[Number(token.value)];
    if (!row) return;
    token.setAttribute('aria-valuetext', spoken(row.token));
    const value = row.values[Number(unit.value)];
    unit.setAttribute('aria-valuetext', `unit ${unit.value}: ${value}`);
    this.find('.cell').textContent = `Unit ${unit.value} after ${shown(row.token)}: ${value.toFixed(4)}`;
    this.numbers();
  }

  numbers() {
    const row = this.hidden[Number(this.find('.at-token').value)];
    if (!this.find('details').open || !row) return;
    this.find('summary').textContent = `Numbers after ${shown(row.token)}`;
    this.find('tbody').replaceChildren(...row.values.map((value, unit) => {
      const line = element('tr'), name = element('th', '', unit);
      name.scope = 'row';
      line.append(name, element('td', '', value.toFixed(4)));
      return line;
    }));
  }
}

// A token as a button shows it: a space before it is a mark, which no screen reader reads.
function word(token) {
  const outer = element('span', 'word'), take = element('span', 'unseen', 'Take ');
  const [before, rest] = token.startsWith(' ') && token.trim() ? ['·', token.slice(1)] : ['', token];
  const mark = element('span', 'mark', before);
  mark.setAttribute('aria-hidden', 'true');
  const plain = element('span', '', rest.trim() ? shown(rest) : spoken(token));
  outer.append(take, mark, plain);
  return outer;
}
function bar(share) {
  const outer = element('span'), inner = element('span', 'bar');
  inner.style.display = 'block';
  inner.style.width = (100 * share).toFixed(1) + '%';
  outer.append(inner);
  return outer;
}
function rgb(hex) {
  const value = parseInt(hex.trim().slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

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
