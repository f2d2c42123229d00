// A column of the playground: one model, its tokens with their surprisals, what may come next, and its hidden states.
'use strict';

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
