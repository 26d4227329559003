// One film at a time, with one box: set with the mouse, the arrow keys, or four numbers. All lengths are in per cent of the film.
const NAMES = ["x", "y", "width", "height"];
const HELP = "Mouse: press, drag, release. Keyboard: focus the film; Enter creates a box, the arrow keys move it, Shift with an arrow "
  + "key resizes it, Delete removes it, N and P go to the next and the previous film.";

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function tidy([x, y, width, height]) {
  const round = (v) => Math.round(v * 10) / 10;
  width = Math.min(100, Math.max(1, width));
  height = Math.min(100, Math.max(1, height));
  x = Math.min(100 - width, Math.max(0, x));
  y = Math.min(100 - height, Math.max(0, y));
  return [round(x), round(y), round(width), round(height)];
}

function render({ model, el }) {
  const count = model.get("films").length;
  let now = 1;
  let pressed = null;

  const title = element("strong");
  const picture = element("img", { draggable: false });
  const frame = element("div", { className: "box" });
  const stage = element("div", { className: "stage", tabIndex: 0 }, picture, frame);
  stage.setAttribute("role", "application");
  stage.setAttribute("aria-roledescription", "film to draw a box on");
  const inputs = NAMES.map((name) => element("input", { type: "number", min: 0, max: 100, step: 0.5, name }));
  const numbers = element("div", { className: "row" });
  NAMES.forEach((name, i) => numbers.append(element("label", {}, `${name} `, inputs[i])));
  const jumps = Array.from({ length: count }, (_, i) => element("button", { type: "button", textContent: String(i + 1) }));
  const films = element("div", { className: "row films" }, ...jumps);
  const back = element("button", { type: "button", textContent: "Previous" });
  const on = element("button", { type: "button", textContent: "Next" });
  const remove = element("button", { type: "button", textContent: "Remove box" });
  const copy = element("button", { type: "button", textContent: "Copy all boxes as Python" });
  const said = element("div");
  said.setAttribute("role", "status");
  const text = element("textarea", { readOnly: true, rows: 5 });
  text.setAttribute("aria-label", "All boxes as Python, to paste into the solution cell");
  const root = element("div", { className: "medxai-boxes" }, element("div", { textContent: HELP }), element("div", { className: "row" }, title),
    stage, numbers, element("div", { className: "row" }, back, on, remove), films, said, element("div", { className: "row" }, copy), text);
  // JupyterLab would handle the arrows, D and so on as its own shortcuts: the attribute is for versions that listen in the
  // capture phase, the listener for those that listen in the bubble phase. Ctrl+S and the like pass through.
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  root.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });
  el.append(root);

  const boxOf = (film) => model.get("boxes")[String(film)];

  function show() {
    const box = pressed?.box ?? boxOf(now);
    title.textContent = `Film ${now} of ${count}`;
    picture.src = model.get("films")[now - 1];
    picture.alt = `Film ${now}`;
    frame.hidden = !box;
    if (box) ["left", "top", "width", "height"].forEach((side, i) => { frame.style[side] = `${box[i]}%`; });
    inputs.forEach((input, i) => { if (document.activeElement !== input) input.value = box ? box[i] : ""; });
    const where = box ? `box at ${box[0]} per cent from the left and ${box[1]} per cent from the top, ${box[2]} wide, ${box[3]} high` : "no box yet";
    stage.setAttribute("aria-label", `Film ${now} of ${count}, ${where}`);
    jumps.forEach((jump, i) => {
      jump.classList.toggle("drawn", Boolean(boxOf(i + 1)));
      jump.setAttribute("aria-current", String(i + 1 === now));
      jump.setAttribute("aria-label", `Film ${i + 1}, ${boxOf(i + 1) ? "has a box" : "no box yet"}`);
    });
    said.textContent = model.get("saved");
    text.value = model.get("text");
  }

  function keep(box) {
    const all = { ...model.get("boxes") };
    if (box) all[String(now)] = tidy(box);
    else delete all[String(now)];
    model.set("boxes", all);
    model.save_changes();
    show();
  }

  function go(film) {
    now = Math.min(count, Math.max(1, film));
    pressed = null;
    show();
  }

  function place(event) {
    const area = stage.getBoundingClientRect();
    const share = (v, from, size) => Math.min(100, Math.max(0, (100 * (v - from)) / size));
    return [share(event.clientX, area.left, area.width), share(event.clientY, area.top, area.height)];
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pressed = { start: place(event), box: null };
    stage.setPointerCapture(event.pointerId);
    stage.focus();
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!pressed) return;
    const [[x0, y0], [x1, y1]] = [pressed.start, place(event)];
    pressed.box = [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)];
    show();
  });
  stage.addEventListener("pointerup", () => {
    const box = pressed?.box;
    pressed = null;
    if (box && box[2] >= 1 && box[3] >= 1) keep(box);  // a click without a drag draws nothing
    else show();
  });
  stage.addEventListener("pointercancel", () => { pressed = null; show(); });

  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const box = boxOf(now);
    if (step && box) {
      const [x, y, width, height] = box;
      keep(event.shiftKey ? [x, y, Math.min(width + step[0], 100 - x), Math.min(height + step[1], 100 - y)]
        : [x + step[0], y + step[1], width, height]);
    } else if (event.key === "Enter") keep(box ?? [40, 40, 20, 20]);
    else if (event.key === "Delete" || event.key === "Backspace") keep(null);
    else if (event.key === "n" || event.key === "N") go(now + 1);
    else if (event.key === "p" || event.key === "P") go(now - 1);
    else if (!step) return;  // Tab and all other keys keep their usual function
    event.preventDefault();
  });

  inputs.forEach((input) => input.addEventListener("change", () => {
    const typed = inputs.map((one) => Number.parseFloat(one.value));
    if (typed.every(Number.isFinite)) keep(typed);
  }));
  jumps.forEach((jump, i) => jump.addEventListener("click", () => go(i + 1)));
  back.addEventListener("click", () => go(now - 1));
  on.addEventListener("click", () => go(now + 1));
  remove.addEventListener("click", () => keep(null));
  copy.addEventListener("click", async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
    } catch {
      document.execCommand("copy");  // insecure contexts have no clipboard API
    }
    copy.textContent = "Copied. Paste it into the solution cell.";
  });
  for (const name of ["boxes", "saved", "text"]) model.on(`change:${name}`, show);
  show();
  const first = jumps.findIndex((_, i) => !boxOf(i + 1));
  go(first < 0 ? 1 : first + 1);
}

export default { render };
