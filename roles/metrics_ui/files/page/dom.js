/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Small helpers to make elements, and to change them only where they differ.
 */

const SVG = "http://www.w3.org/2000/svg";

function assign(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** An element with attributes and children; strings become text, never markup. */
export const make = (tag, attributes = {}, ...children) => assign(document.createElement(tag), attributes, children);

/** The same for SVG, always hidden from assistive technology. */
export const drawn = (tag, attributes = {}, ...children) =>
  assign(document.createElementNS(SVG, tag), tag === "svg" ? { "aria-hidden": "true", focusable: "false", ...attributes } : attributes, children);

/** Sets the text of a node that holds nothing but text, when it differs. */
export function setText(node, text) {
  const first = node.firstChild;
  if (first && first === node.lastChild && first.nodeType === Node.TEXT_NODE) {
    if (first.data !== text) {
      first.data = text;
    }
  } else if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** Sets an attribute when it differs; null takes it away. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined) {
    if (node.hasAttribute(name)) {
      node.removeAttribute(name);
    }
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, String(value));
  }
}

/** Shows or hides a node. */
export function setHidden(node, hidden) {
  if (node.hidden !== hidden) {
    node.hidden = hidden;
  }
}

/** A place for one formatted value; null is shown as a dash and read as "no data". */
export function valueBox(box) {
  const text = make("span", { class: "value" });
  const dash = make("span", { class: "missing", hidden: true }, make("span", { "aria-hidden": "true" }, "–"), make("span", { class: "vh" }, "no data"));
  box.append(text, dash);
  return (formatted) => {
    setText(text, formatted ?? "");
    setHidden(text, formatted === null);
    setHidden(dash, formatted !== null);
  };
}

/**
 * Brings the children of a parent in line with a list of items, keyed: children stay the same
 * nodes, and what had the focus still has it.
 */
export function keyed(parent, nodes, items, key, create, update) {
  const focused = document.activeElement;
  const wanted = new Set();
  let place = parent.firstElementChild;
  items.forEach((item, index) => {
    const id = key(item);
    if (wanted.has(id)) {
      return;
    }
    wanted.add(id);
    let entry = nodes.get(id);
    if (!entry) {
      entry = create(item);
      nodes.set(id, entry);
    }
    // Nodes that are to go are passed over, so that those after them need not move.
    while (place && place !== entry.node && place.dataset.key !== undefined && !items.some((other) => String(key(other)) === place.dataset.key)) {
      place = place.nextElementSibling;
    }
    entry.node.dataset.key = String(id);
    if (place === entry.node) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(entry.node, place);
    }
    update(entry, item, index);
  });
  for (const [id, entry] of nodes) {
    if (!wanted.has(id)) {
      entry.node.remove();
      nodes.delete(id);
    }
  }
  if (focused && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/** Makes a scrollable region reachable by keyboard while there is something to scroll. */
export function scrollable(node, label) {
  node.setAttribute("role", "region");
  node.setAttribute("aria-label", label);
  const look = () => setAttribute(node, "tabindex", node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1 ? "0" : null);
  const observer = new ResizeObserver(look);
  observer.observe(node);
  for (const child of node.children) {
    observer.observe(child);
  }
  return observer;
}
