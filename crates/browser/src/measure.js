// Measures the page that it stands in, and tells the window around it.
addEventListener("load", () => {
  const say = (node) => {
    const own = node.nodeType === 3 ? node.parentElement : node;
    const path = [];
    for (let at = own; at && at !== document.body; at = at.parentElement) {
      path.unshift(at.tagName.toLowerCase() + (typeof at.className === "string" && at.className ? "." + at.className.trim().replace(/\s+/g, ".") : ""));
    }
    return path.slice(-3).join(" ") + ": " + own.textContent.trim().slice(0, 40);
  };
  const still = (node) => node.closest(".quiet, script, style") || quiet(node);

  // Everything that was asked for, answered or not.
  const requests = performance.getEntriesByType("resource").map((own) => own.name).filter((own) => !own.startsWith("data:"));

  // What is folded has to fit as well.
  const more = unfold();

  const sideways = [];
  if (document.documentElement.scrollWidth > innerWidth) sideways.push("the page: " + document.documentElement.scrollWidth);
  for (const own of document.querySelectorAll("body *")) {
    if (!still(own) && own.checkVisibility() && own.getBoundingClientRect().right > innerWidth + 1) sideways.push(say(own));
  }

  // The boxes of all texts, line by line.
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const boxes = [];
  const small = [];
  const least = innerWidth < 700 ? 12 : 11;
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (!node.textContent.trim() || still(parent) || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width > 0.5) boxes.push({ node, left: box.left, right: box.right, top: box.top, bottom: box.bottom });
    }
    // What stands in a drawing as HTML is not scaled with it.
    const drawn = parent instanceof SVGElement;
    const scale = drawn ? parent.getScreenCTM().a : 1;
    const size = parseFloat(getComputedStyle(parent).fontSize) * scale;
    // Drawings are scaled, so a hair less is the same.
    if (size < least - 0.6) small.push(say(node) + " " + size);
  }

  // Lines of text have air above and below: what lies within that is no overlap.
  const overlaps = [];
  boxes.sort((a, b) => a.top - b.top);
  for (let i = 0; i < boxes.length; i++) {
    const a = boxes[i];
    for (let k = i + 1; k < boxes.length && boxes[k].top < a.bottom; k++) {
      const b = boxes[k];
      if (a.node === b.node) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 4) overlaps.push(say(a.node) + " | " + say(b.node));
    }
  }

  // Texts that are cut off by the box around them.
  const hidden = [];
  for (const own of document.querySelectorAll("body *")) {
    if (still(own) || !own.checkVisibility() || own.closest("svg")) continue;
    if (getComputedStyle(own).overflowX !== "visible" && own.scrollWidth > own.clientWidth + 1) hidden.push(say(own));
  }

  const cut = (list) => list.slice(0, 5);
  parent.postMessage(JSON.stringify({ page: PAGE, width: innerWidth, requests: cut(requests), sideways: cut(sideways), overlaps: cut(overlaps), small: cut(small), hidden: cut(hidden), ...more }), "*");
});
