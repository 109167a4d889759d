// Filters the table of operations by the words typed: a row has to contain all of them.
document.addEventListener("DOMContentLoaded", () => {
  const input = document.getElementById("operation-filter");
  if (!input) return;
  const count = document.getElementById("operation-count");
  const rows = [...document.querySelectorAll("table.operations tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = texts.map((text) => words.every((word) => text.includes(word)));
    rows.forEach((row, at) => { row.hidden = !found[at]; });
    count.textContent = `${found.filter(Boolean).length} operations`;
  };
  input.addEventListener("input", filter);
  filter();
});
