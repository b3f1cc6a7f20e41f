// The grid of new changes: rows are added, removed and pasted, and judged while they are written.
const CHECK_AFTER = 400; // milliseconds after the last key
const ACTIONS = ["upsert", "create", "update", "delete"];
const COLUMNS = ["action", "name", "type", "ttl", "value", "priority", "weight", "port", "manage_ptr", "comment"];
const FLAGS = { true: "yes", false: "no" };
const NAMES = { domain: "name", record_type: "type", target: "value", rdata: "value", data: "value", ptr: "manage_ptr" };

function fieldOf(row, column) {
  return row.querySelector(`[name="${column}"]`);
}

function numberAnew(rows) {
  [...rows.children].forEach((row, index) => numberRow(row, index + 1));
}

function numberRow(row, number) {
  for (const cell of row.querySelectorAll("[data-cell]")) {
    const field = cell.querySelector("[name]");
    field.setAttribute("aria-label", field.getAttribute("aria-label").replace(/, row.*$/, `, row ${number}`));
    const words = cell.querySelector(".wrong");
    words.id = `w-${number}-${cell.dataset.cell}`;
    if (field.hasAttribute("aria-describedby")) field.setAttribute("aria-describedby", words.id);
  }
  row.querySelector("[data-remove]").setAttribute("aria-label", `Remove row ${number}`);
}

function addRow(grid) {
  const rows = grid.querySelector("[data-rows]");
  if (rows.children.length >= Number(grid.dataset.most)) return null;
  rows.append(grid.querySelector("[data-new-row]").content.cloneNode(true));
  const row = rows.lastElementChild;
  numberRow(row, rows.children.length);
  row.querySelector("[data-remove]").hidden = false;
  return row;
}

function removeRow(grid, row) {
  const rows = grid.querySelector("[data-rows]");
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  numberAnew(rows);
  fieldOf(next ?? addRow(grid), "name").focus();
}

// Shows an example of the row's type, and the cells that it has.
function hint(grid, row) {
  const type = fieldOf(row, "type").value.trim().toUpperCase();
  const found = [...grid.querySelectorAll("#types option")].find((each) => each.value === type);
  const words = row.querySelector("[data-hint]");
  fieldOf(row, "value").placeholder = found ? found.dataset.example : "";
  words.textContent = found && document.activeElement?.closest("[data-row]") === row ? found.dataset.words : "";
  words.hidden = !words.textContent;
  const cells = found ? found.dataset.cells.split(" ") : COLUMNS;
  for (const column of ["priority", "weight", "port", "manage_ptr"]) {
    const field = fieldOf(row, column);
    field.classList.toggle("unused", !cells.includes(column) && !field.value);
  }
}

// Reads what spreadsheets and CSV copies hold: cells between tabs, quoted where there are line ends in them.
function readCells(text) {
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const row = rows[rows.length - 1];
    const sign = text[at];
    if (quoted && sign === '"' && text[at + 1] === '"') { row[row.length - 1] += '"'; at += 1; }
    else if (sign === '"' && (quoted || row[row.length - 1] === "")) quoted = !quoted;
    else if (quoted) row[row.length - 1] += sign;
    else if (sign === "\t") row.push("");
    else if (sign === "\n") rows.push([""]);
    else if (sign !== "\r") row[row.length - 1] += sign;
  }
  return rows.filter((row) => row.some((cell) => cell.trim()));
}

// Which columns the cells of a table belong to, and whether its first row names them. Without such a row they
// begin where the cursor is; what is pasted into one of the first two columns may begin with the action or not.
function columnsOf(first, from) {
  const names = first.map((cell) => NAMES[cell.trim().toLowerCase()] ?? cell.trim().toLowerCase());
  if (names.includes("type") && names.every((name) => COLUMNS.includes(name))) return [names, true];
  const isAction = ACTIONS.includes(first[0].trim().toLowerCase());
  const start = ["action", "name"].includes(from) ? (isAction ? "action" : "name") : from;
  return [COLUMNS.slice(COLUMNS.indexOf(start)), false];
}

function paste(grid, event) {
  const field = event.target.closest("[data-row] [name]");
  const text = event.clipboardData?.getData("text/plain") ?? "";
  const isTable = text.includes("\t") || (field?.tagName !== "TEXTAREA" && text.trim().includes("\n"));
  if (!field || !isTable) return;
  event.preventDefault();
  const table = readCells(text);
  const [columns, hasHead] = columnsOf(table[0], field.name);
  const lines = hasHead ? table.slice(1) : table;
  let row = field.closest("[data-row]");
  let pasted = 0;
  for (const cells of lines) {
    row ??= addRow(grid);
    if (!row) break;
    cells.forEach((cell, index) => {
      if (columns[index]) fill(fieldOf(row, columns[index]), cell.trim());
    });
    hint(grid, row);
    row = row.nextElementSibling;
    pasted += 1;
  }
  const left = lines.length - pasted;
  announce(`${pasted} rows pasted${left ? `; there is no room for ${left} more` : ""}`);
}

// A word that is no action is kept as it is, so that it is found to be wrong.
function fill(field, text) {
  if (field.tagName !== "SELECT") {
    field.value = text;
    if (field.tagName === "TEXTAREA") field.rows = Math.min(text.split("\n").length, 10);
  } else if (text) {
    const word = FLAGS[text.toLowerCase()] ?? text.toLowerCase();
    if (![...field.options].some((each) => each.value === word)) field.append(new Option(word));
    field.value = word;
  }
}

function announce(words) {
  document.getElementById("announcements").textContent = words;
}

function said(wrong) {
  const words = document.createElement("p");
  const code = Object.assign(document.createElement("code"), { className: "quiet", textContent: wrong.code });
  words.append(`${wrong.message} `, code);
  return words;
}

function showWrong(row, found) {
  for (const cell of row.querySelectorAll("[data-cell]")) {
    const field = cell.querySelector("[name]");
    const words = cell.querySelector(".wrong");
    const here = found.filter((each) => each.cell === cell.dataset.cell);
    words.replaceChildren(...here.map(said));
    words.hidden = here.length === 0;
    if (here.length) {
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", words.id);
    } else {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
  }
}

async function check(grid, state) {
  const number = (state.checks += 1);
  const body = new URLSearchParams(new FormData(grid));
  const answer = await fetch(grid.dataset.check, { method: "POST", body, redirect: "manual" });
  if (!answer.ok || number !== state.checks) return; // another one is on its way, or the plan will say it
  const { rows } = await answer.json();
  const shown = [...grid.querySelectorAll("[data-row]")];
  shown.forEach((row, index) => showWrong(row, rows[index] ?? []));
  const wrong = rows.filter((row) => row.length).length;
  if (wrong !== state.wrong) announce(wrong ? `${wrong} rows have something to put right` : "Nothing is wrong");
  state.wrong = wrong;
}

// Enter leads to the cell below; in a value it makes a line, and Ctrl with Enter leads below.
function goDown(grid, event) {
  const field = event.target.closest("[data-row] [name]");
  if (!field || event.key !== "Enter" || (field.tagName === "TEXTAREA" && !event.ctrlKey)) return;
  event.preventDefault();
  const row = field.closest("[data-row]");
  const below = row.nextElementSibling ?? addRow(grid);
  if (below) fieldOf(below, field.name).focus();
}

export function offerGrid() {
  const grid = document.querySelector("[data-grid]");
  if (!grid) return;
  const state = { checks: 0, wrong: 0, timer: 0 };
  const checkSoon = () => {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => check(grid, state).catch(() => {}), CHECK_AFTER);
  };
  for (const each of grid.querySelectorAll("[data-add], [data-remove], [data-paste-hint]")) each.hidden = false;
  for (const each of grid.querySelectorAll("[data-more]")) each.hidden = true;
  for (const row of grid.querySelectorAll("[data-row]")) hint(grid, row);
  grid.querySelector("[data-add]").addEventListener("click", () => {
    const row = addRow(grid);
    if (row) fieldOf(row, "name").focus();
    else announce(`${grid.dataset.most} rows are all that there can be`);
  });
  grid.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remove]");
    if (button) { removeRow(grid, button.closest("[data-row]")); checkSoon(); }
  });
  grid.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-row]");
    for (const each of grid.querySelectorAll("[data-row]")) if (each === row || each.querySelector("[data-hint]:not([hidden])")) hint(grid, each);
  });
  grid.addEventListener("input", checkSoon);
  grid.addEventListener("keydown", (event) => goDown(grid, event));
  grid.addEventListener("paste", (event) => { paste(grid, event); checkSoon(); });
  offerImport(grid);
  if ([...grid.querySelectorAll("[data-row] :is(input, textarea)")].some((field) => field.value)) checkSoon();
}

// What is imported is added to the rows that are there: they are sent along.
function offerImport(grid) {
  const form = document.querySelector("[data-import]");
  form?.addEventListener("formdata", (event) => {
    for (const [name, value] of new FormData(grid)) event.formData.append(name, value);
  });
}
