// What the audit's page folds, and which of its sections are there.
const quiet = () => false;
const unfold = () => {
  const sections = [...document.querySelectorAll("main section[id]")].map((own) => own.id);
  const folded = [...document.querySelectorAll("main section[id] > .body")].filter((own) => !own.checkVisibility()).length;
  for (const own of document.querySelectorAll(".fold")) own.checked = true;
  return { sections, folded };
};
