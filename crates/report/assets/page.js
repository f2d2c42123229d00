"use strict";
// Puts a plot to hover over in the place of each picture, from the numbers beside it. Drag to zoom, double-click to see all again.
(() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const powerOfTen = (n) =>
    "10" + (n < 0 ? "⁻" : "") + [...String(Math.abs(n))].map((d) => SUPERSCRIPT[d] ?? d).join("");
  const number = (value) => {
    if (value == null) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e7 || size < 1e-4)) {
      const [digits, exponent] = value.toExponential(2).split("e");
      return Number(digits) + "·" + powerOfTen(Number(exponent));
    }
    return value.toLocaleString("en", { maximumSignificantDigits: 5 });
  };
  const tick = (axis) => (u, values) =>
    values.map((value) => {
      if (value == null) return "";
      if (axis.scale === "power") return Number.isInteger(value) ? powerOfTen(value) : number(10 ** value);
      if (axis.scale === "log" && (value >= 1e6 || value < 1e-4)) return powerOfTen(Math.round(Math.log10(value)));
      return number(value);
    });
  // Labelled places of a logarithmic axis: round numbers within a decade, 1, 2 and 5 over a few, powers of ten over many.
  const places = (low, high) => {
    const found = [], decades = Math.log10(high / low);
    if (decades < 0.9) {
      const least = (high - low) / 5, unit = 10 ** Math.floor(Math.log10(least));
      const step = [1, 2, 5, 10].find((digit) => digit * unit >= least) * unit;
      for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
      return found;
    }
    const every = Math.ceil(decades / 8), digits = decades < 2.5 ? [1, 2, 5] : [1];
    for (let d = Math.floor(Math.log10(low)); d <= Math.log10(high); d++)
      if (d % every === 0) for (const digit of digits) found.push(digit * 10 ** d);
    return found.filter((value) => value >= low && value <= high);
  };
  // The exponents of labelled places: whole ones, or those of round numbers where the axis covers less than two decades.
  const exponents = (low, high) => {
    if (high - low < 2) return places(10 ** low, 10 ** high).map(Math.log10);
    const step = Math.ceil((high - low) / 7), found = [];
    for (let n = Math.ceil(low / step); n * step <= high; n++) found.push(n * step);
    return found;
  };
  // While the pointer is elsewhere the legend has names alone.
  const shown = (axis) => (u, value, series, place) => {
    if (value == null) return place == null ? "" : "–";
    return axis.scale === "power" ? number(10 ** value) : number(value);
  };
  const live = [];
  const build = (figure) => {
    const { x, y, series } = JSON.parse(figure.querySelector("script").textContent);
    const tables = series.filter((one) => one.x.length > 0).map((one) => [one.x, one.y]);
    if (tables.length === 0) return;
    const colour = (one) => () => style("--c" + one.colour);
    const axis = (axis, size) => ({
      label: axis.label, labelSize: 20, size, labelFont: "12px " + style("--sans"), font: "12px " + style("--sans"),
      stroke: () => style("--soft"),
      grid: { stroke: () => style("--rule"), width: 1 },
      ...(axis.scale === "log" ? { splits: (u, i, low, high) => places(low, high), filter: (u, values) => values } : {}),
      ...(axis.scale === "power" ? { splits: (u, i, low, high) => exponents(low, high) } : {}),
      ticks: { stroke: () => style("--rule"), width: 1, size: 5 }, values: tick(axis),
    });
    const scale = (axis) => ({
      time: false, distr: axis.scale === "log" ? 3 : 1,
      ...(axis.scale === "log" ? { range: (u, low, high) => (low > 0 ? [low / (high / low) ** 0.05 / 1.01, high * (high / low) ** 0.05 * 1.01] : [0.1, 1]) } : {}),
      ...(axis.zero ? { range: (u, low, high) => [0, high > 0 ? high * 1.05 : 1] } : {}),
    });
    const picture = figure.querySelector(".picture");
    const size = () => ({ width: Math.floor(picture.clientWidth), height: picture.clientWidth < 500 ? 260 : 330 });
    figure.classList.add("live");
    const plot = new uPlot({
      ...size(),
      scales: { x: scale(x), y: scale(y) },
      axes: [axis(x, 40), axis(y, 62)],
      legend: { markers: { dash: (u, i) => (u.series[i].dash ? "dashed" : "solid") } },
      cursor: { drag: { x: true, y: false } },
      series: [
        { label: x.label, value: shown(x) },
        ...series.filter((one) => one.x.length > 0).map((one) => ({
          label: one.name, value: shown(y), stroke: colour(one), width: 1.8, spanGaps: false,
          ...(one.style === "dashed" ? { dash: [6, 5] } : {}),
          ...(one.style === "points" ? { paths: () => null } : {}),
          points: one.x.length === 1 || one.style === "points" || (one.style === "marked" && one.x.length <= 80)
            ? { show: true, size: 6, fill: colour(one) } : { show: false },
        })),
      ],
    }, uPlot.join(tables), picture);
    new ResizeObserver(() => {
      if (picture.clientWidth > 0 && Math.floor(picture.clientWidth) !== plot.width) plot.setSize(size());
    }).observe(picture);
    live.push(plot);
  };
  // A plot that cannot be built stays the picture that it was.
  for (const figure of document.querySelectorAll("figure.plot")) {
    try { build(figure); } catch (error) { figure.classList.remove("live"); console.error(error); }
  }
  matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => live.forEach((plot) => plot.redraw(false, true)));
})();
