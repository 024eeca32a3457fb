// A name such as `restart_backoff` is found by its words, all of which have to be there; but the index
// leaves out what is in every text, so such words cannot be asked for.
const inEveryText = new Set(
  ("about across after almost also among because been cannot could does either else ever every from " +
   "have however into just least like likely might most must neither often only other rather said " +
   "should since some than that their them then there these they this wants were what when where " +
   "which while whom will with would your").split(" "));
window.__search = {
  transform: (query) =>
    query.split(/[\s\-_.,:;<>()[\]{}'"`!?/&|+*^~]+/).filter(Boolean)
      .map((word) => (word.length < 4 || inEveryText.has(word.toLowerCase()) ? word : `+${word}`))
      .join(" "),
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
