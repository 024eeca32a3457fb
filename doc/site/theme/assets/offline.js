// A name such as `one_for_all` is found by its words, all of which have to be there.
window.__search = {
  transform: (query) =>
    query.replace(/[\s\-_.,:;<>()[\]{}'"`!?/&|+*^~]+/g, " ").trim().replace(/(^| )(?=.)/g, "$1+"),
};

// Opened from a disk (file://), a page may neither fetch the index of the search nor start a worker.
// There the index comes as a script, and the worker runs in a hidden frame.
if (location.protocol === "file:") {
  const index = document.currentScript.dataset.index;
  document.write(`<script src="${index}"></script>`);

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inside = frame.contentWindow;
      this.inside.postMessage = (data) =>
        this.dispatchEvent(new MessageEvent("message", { data }));
      const script = this.inside.document.createElement("script");
      script.src = new URL(url, location.href);
      script.onload = () => {
        const waiting = this.waiting;
        this.waiting = null;
        waiting.forEach((data) => this.tell(data));
      };
      this.inside.document.body.append(script);
    }
    tell(data) {
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }));
    }
    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else this.tell(data);
    }
  };
}
