import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";

/** Rows that are rendered beyond those in sight. */
const SPARE = 6;

/**
 * A table body of any length of which only what is in sight is rendered. Rows all have `rowHeight`
 * pixels. Arrow keys move from row to row, staying on the same control.
 */
export function VirtualList({ items, rowHeight, renderRow, label, header }) {
  const box = useRef(null);
  const [view, setView] = useState({ first: 0, count: 30 });
  const wanted = useRef(null);

  const look = () => {
    // Its place may be gone before who watches its size knows.
    if (!box.current) return;
    const { scrollTop, clientHeight } = box.current;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - SPARE);
    const count = Math.ceil(clientHeight / rowHeight) + 2 * SPARE;
    setView((before) =>
      before.first === first && before.count === count ? before : { first, count }
    );
  };
  useEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [rowHeight]);
  useEffect(look, [items.length]);
  useEffect(() => {
    if (!wanted.current) return;
    const { index, control } = wanted.current;
    const row = box.current.querySelector(`[aria-rowindex="${index + 2}"]`);
    const controls = row?.querySelectorAll("a, button") ?? [];
    controls[Math.min(control, controls.length - 1)]?.focus({ preventScroll: true });
    if (row) wanted.current = null;
  });

  const move = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const row = event.target.closest("[aria-rowindex]");
    if (!step || !row) return;
    event.preventDefault();
    const from = Number(row.getAttribute("aria-rowindex")) - 2;
    const index = Math.max(0, Math.min(items.length - 1, from + step));
    const controls = [...row.querySelectorAll("a, button")];
    wanted.current = { index, control: Math.max(0, controls.indexOf(event.target)) };
    const top = index * rowHeight;
    const { scrollTop, clientHeight } = box.current;
    if (top < scrollTop) box.current.scrollTop = top;
    if (top + rowHeight > scrollTop + clientHeight) {
      box.current.scrollTop = top + rowHeight - clientHeight;
    }
    setView({ ...view });
  };

  const first = Math.min(view.first, Math.max(0, items.length - 1));
  const visible = items.slice(first, first + view.count);
  return html`
    <div class="grid" role="table" aria-label=${label} aria-rowcount=${items.length + 1}>
      <div role="rowgroup">${header}</div>
      <div class="scroll" role="rowgroup" ref=${box} onScroll=${look} onKeyDown=${move}
        tabindex="0" aria-label=${label}>
        <div class="tall" role="presentation" style=${{ height: `${items.length * rowHeight}px` }}>
          <div
            role="presentation"
            style=${{ transform: `translateY(${first * rowHeight}px)` }}
          >${visible.map((item, at) => renderRow(item, first + at + 2))}</div>
        </div>
      </div>
    </div>
  `;
}
