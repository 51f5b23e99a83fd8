// Dragging clips and files: what is carried, and places that take it.

const KIND = "application/x-studio-clip";

/** An element that carries a clip, of a side. */
export function carries(element, id, side) {
  element.draggable = true;
  element.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData(KIND, JSON.stringify({ id, side }));
    event.dataTransfer.setData("text/plain", id);
    event.dataTransfer.effectAllowed = "copy";
  });
}

/** An element that takes clips (and files, where `files` is given). */
export function takes(element, { clip, files }) {
  let inside = 0;
  const fits = (event) => {
    const types = event.dataTransfer?.types || [];
    return (clip && types.includes(KIND)) || (files && types.includes("Files"));
  };
  const mark = (change) => {
    inside = Math.max(0, inside + change);
    element.classList.toggle("over", inside > 0);
  };
  element.addEventListener("dragenter", (event) => fits(event) && mark(1));
  element.addEventListener("dragleave", (event) => fits(event) && mark(-1));
  element.addEventListener("dragover", (event) => {
    if (!fits(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  element.addEventListener("drop", (event) => {
    if (!fits(event)) return;
    event.preventDefault();
    event.stopPropagation();
    inside = 0;
    element.classList.remove("over");
    const carried = event.dataTransfer.getData(KIND);
    if (carried) clip(JSON.parse(carried));
    else if (event.dataTransfer.files.length) files([...event.dataTransfer.files]);
  });
}
