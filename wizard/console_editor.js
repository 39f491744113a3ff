// A text area for SPARQL whose text is painted in colours by a layer below it; everything else is the browser's own.
const WORDS = new Set(
  ("select where optional filter bind values union minus graph service as distinct reduced construct describe ask from named " +
    "group by having order asc desc limit offset prefix base a not exists in undef true false").split(" "),
);
const TOKEN =
  /(#[^\n]*)|(<[^<>"{}|^`\\\s]*>)|("""[^]*?"""|'''[^]*?'''|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|([?$]\w+)|([A-Za-z][\w-]*:[\w.%-]*|:[A-Za-z][\w-]*)|(\b\d[\d.]*(?:e[+-]?\d+)?\b)|([A-Za-z_]\w*)/gi;
const KINDS = ["comment", "iri", "string", "variable", "name", "number", "word"];

function painted(text) {
  const line = document.createDocumentFragment();
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    const kind = KINDS[found.slice(1).findIndex((part) => part !== undefined)];
    line.append(text.slice(at, found.index));
    at = found.index + found[0].length;
    const isPlain = kind === "word" && !WORDS.has(found[0].toLowerCase());
    const piece = document.createElement("span");
    piece.className = isPlain ? (text[at] === "(" ? "function" : "") : kind;
    piece.textContent = found[0];
    line.append(piece);
  }
  line.append(text.slice(at) + "\n");
  return line;
}

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component;
  const area = parentElement.querySelector("textarea");
  const paint = parentElement.querySelector(".paint");
  const gutter = parentElement.querySelector(".gutter");
  const draw = () => {
    paint.replaceChildren(painted(area.value));
    const lines = area.value.split("\n").length;
    gutter.replaceChildren(
      ...Array.from({ length: lines }, (_, i) => {
        const number = document.createElement("span");
        number.textContent = i + 1;
        if (i + 1 === area.dlomLine) number.className = "fault";
        return number;
      }),
    );
    scroll();
  };
  const scroll = () => {
    paint.scrollTop = area.scrollTop;
    paint.scrollLeft = area.scrollLeft;
    gutter.scrollTop = area.scrollTop;
  };
  if (area.dataset.filled !== "yes") {
    area.dataset.filled = "yes";
    area.value = data.text;
    area.setAttribute("aria-label", data.label);
    parentElement.querySelector(".editor").style.height = `${data.lines * 1.45 * 13.5 + 20}px`;
  }
  area.dlomLine = data.line;
  area.oninput = () => {
    area.dlomLine = null;
    draw();
  };
  area.onscroll = scroll;
  area.onblur = () => setStateValue("text", area.value);
  area.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      setStateValue("text", area.value);
      setTriggerValue("run", area.value);
    }
  };
  draw();
}
