import { useEffect, useState } from "preact/hooks";
import { html } from "../kit/html.js";
import { tellError } from "../kit/toasts.js";
import { groupsOfDrop, shareFiles } from "./uploads.js";

/** The target that shows while files are held over the page; what is dropped is shared. */
export function Drop() {
  const over = useDrop();
  return over && html`
    <div class="drop" aria-hidden="true">
      <p>Drop to share</p>
    </div>
  `;
}

function useDrop() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
    const listeners = {
      dragenter: (event) => hasFiles(event) && setOver(++depth > 0),
      dragleave: (event) => hasFiles(event) && setOver(--depth > 0),
      dragover: (event) => hasFiles(event) && event.preventDefault(),
      async drop(event) {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver((depth = 0) > 0);
        try {
          const groups = (await groupsOfDrop(event.dataTransfer))
            .filter(({ files }) => files.length > 0);
          if (groups.length === 0) throw new Error("there is no file in it");
          for (const { files, folder } of groups) shareFiles(files, folder);
          // There is how far they are.
          location.hash = "files";
        } catch (error) {
          tellError(new Error(`Cannot share what was dropped: ${error.message}`));
        }
      },
    };
    for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener);
    };
  }, []);
  return over;
}
