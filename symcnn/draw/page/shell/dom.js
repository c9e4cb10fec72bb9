// Making elements; text is always text, never markup.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

// Our own markup, from the page's data: equations, which Python wrote.
function markup(text) {
  const holder = document.createElement("div");
  holder.innerHTML = text;
  return [...holder.childNodes];
}
