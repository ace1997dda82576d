import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";

/** Rows that are rendered beyond those in sight. */
const SPARE = 6;
const CONTROLS = "a, button, input";

/** Where each list was scrolled to when it was left, by its label, in pixels. */
const scrolled = new Map();

/**
 * A table body of any length of which only what is in sight is rendered. Rows all have `rowHeight`
 * pixels. It is one tab stop: arrows move from row to row, staying on the same control, and within a row;
 * Home and End lead to the first and the last row. What had the focus and is gone passes it to the row in
 * its place. `label` names the list, also for where it was scrolled to.
 */
export function VirtualList({ items, rowHeight, renderRow, label, header }) {
  const box = useRef(null);
  const [view, setView] = useState({
    first: Math.max(0, Math.floor((scrolled.get(label) ?? 0) / rowHeight) - SPARE),
    count: 30,
  });
  /** The control that Tab leads to, by its row and its place in it; `focus` when it is to have the focus. */
  const current = useRef({ index: 0, control: 0, focus: false });
  const hadFocus = useRef(false);

  const look = () => {
    // Its place may be gone before the observer of its size knows.
    if (!box.current) return;
    const { scrollTop, clientHeight } = box.current;
    scrolled.set(label, scrollTop);
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - SPARE);
    const count = Math.ceil(clientHeight / rowHeight) + 2 * SPARE;
    setView((before) =>
      before.first === first && before.count === count ? before : { first, count }
    );
  };
  useLayoutEffect(() => {
    box.current.scrollTop = scrolled.get(label) ?? 0;
  }, []);
  useEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [rowHeight]);
  useEffect(look, [items.length]);
  useLayoutEffect(() => {
    const rows = [...box.current.querySelectorAll("[aria-rowindex]")];
    const now = current.current;
    now.index = Math.min(now.index, items.length - 1);
    // A tab stop out of sight could not be reached.
    const row = rows.find((one) => indexOf(one) === now.index) ?? rows[0];
    for (const one of rows) {
      const controls = [...one.querySelectorAll(CONTROLS)];
      const chosen = one === row ? controls[Math.min(now.control, controls.length - 1)] : undefined;
      for (const control of controls) control.tabIndex = control === chosen ? 0 : -1;
      if (!chosen || !row) continue;
      const isLost = hadFocus.current && document.activeElement === document.body;
      if (now.focus || isLost) chosen.focus({ preventScroll: true });
    }
    if (row && indexOf(row) === now.index) now.focus = false;
  });

  const show = (index) => {
    const top = index * rowHeight;
    const { scrollTop, clientHeight } = box.current;
    if (top < scrollTop) box.current.scrollTop = top;
    if (top + rowHeight > scrollTop + clientHeight) {
      box.current.scrollTop = top + rowHeight - clientHeight;
    }
    look();
    setView((before) => ({ ...before }));
  };
  const move = (event) => {
    const row = event.target.closest("[aria-rowindex]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const controls = [...row.querySelectorAll(CONTROLS)];
    const at = controls.indexOf(event.target);
    const index = indexOf(row);
    const beside = { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
    if (beside !== undefined) {
      event.preventDefault();
      controls[beside]?.focus();
      return;
    }
    const to = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + 10,
      PageUp: index - 10,
      Home: 0,
      End: items.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(items.length - 1, to));
    current.current = { index: next, control: Math.max(0, at), focus: true };
    show(next);
  };
  const focused = (event) => {
    const row = event.target.closest("[aria-rowindex]");
    if (!row) return;
    hadFocus.current = true;
    const control = [...row.querySelectorAll(CONTROLS)].indexOf(event.target);
    const { index, control: before } = current.current;
    if (indexOf(row) === index && control === before) return;
    current.current = { index: indexOf(row), control, focus: false };
    setView((before) => ({ ...before }));
  };
  // What is removed while it has the focus tells no place that gets it.
  const left = ({ relatedTarget, target }) => {
    if (relatedTarget || target.isConnected && document.hasFocus()) hadFocus.current = false;
  };

  const first = Math.min(view.first, Math.max(0, items.length - 1));
  const visible = items.slice(first, first + view.count);
  return html`
    <div class="grid" role="table" aria-label=${label} aria-rowcount=${items.length + 1}>
      <div role="rowgroup">${header}</div>
      <div class="scroll" role="rowgroup" ref=${box} onScroll=${look} onKeyDown=${move}
        onFocusIn=${focused} onFocusOut=${left} aria-label=${label}>
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

/** The place of a row in the list; the header is the first of the table's rows. */
const indexOf = (row) => Number(row.getAttribute("aria-rowindex")) - 2;
