// A line over time, with axes, and its value where one points. Drawn by uPlot (docs/decisions/0036-charts.md), which its own
// script leaves as a global.
import {make} from './dom.js';

const HEIGHT = 130;
const NARROWEST = 120;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clockOf = (s) => new Date(s * 1000).toISOString().slice(11, 19);

// `format`: of values, on the axis and where one points. `set`: [[ms, value or null]], by rising time.
export function makeChart(label, format) {
  const place = make('div', {class: 'plot', role: 'img', 'aria-label': label});
  const said = make('p', {class: 'pointed', 'aria-hidden': 'true'});
  const axis = {stroke: () => colour('--soft'), font: '10.5px system-ui, sans-serif', grid: {stroke: () => colour('--rule'), width: 1}, ticks: {show: false}, gap: 4};
  const width = () => Math.max(NARROWEST, place.clientWidth);
  const say = (plot) => {
    const {idx} = plot.cursor;
    said.textContent = idx == null || plot.data[1][idx] == null ? '' : `${clockOf(plot.data[0][idx])}  ${format(plot.data[1][idx])}`;
  };
  const plot = new uPlot({
    width: NARROWEST, height: HEIGHT, padding: [6, 14, 0, 0], legend: {show: false}, hooks: {setCursor: [say], setData: [say]}, cursor: {y: false, drag: {x: false, y: false}},
    scales: {x: {time: true}, y: {range: (_, __, most) => [0, Math.max(most || 0, 1) * 1.1]}},
    axes: [{...axis, size: 22, space: 66, values: (_, splits) => splits.map(clockOf)}, {...axis, size: 50, space: 24, values: (_, splits) => splits.map((value) => value === 0 ? '0' : format(value))}],
    series: [{}, {stroke: () => colour('--accent'), fill: () => colour('--wash'), width: 1.6, points: {show: false}}],
  }, [[], []], place);
  const resized = new ResizeObserver(() => { if (width() !== plot.width) plot.setSize({width: width(), height: HEIGHT}); });
  resized.observe(place);
  return {
    element: make('div', {}, said, place),
    set(points) {
      plot.setData([points.map(([ms]) => ms / 1000), points.map(([, value]) => value)]);
      const known = points.map(([, value]) => value).filter((value) => value != null);
      place.setAttribute('aria-label', known.length === 0 ? `${label}: nothing yet` : `${label}, from ${format(Math.min(...known))} to ${format(Math.max(...known))}`);
    },
    end() {
      resized.disconnect();
      plot.destroy();
    },
  };
}
