// What lies on the page's other parts by design: a bar that is fixed to the window, and what is
// shown to readers of another kind.
const quiet = (node) => node.closest(".skip") || (node.closest(".stacked, .way-list") && getComputedStyle(node.closest(".stacked, .way-list")).position === "absolute") || (innerWidth <= 640 && node.closest("nav"));
const unfold = () => {
  for (const own of document.querySelectorAll("details")) own.open = true;
  return {};
};
