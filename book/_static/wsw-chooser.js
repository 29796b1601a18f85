// The chooser: the first rule that fits the answers, and its card beside the questions.
(() => {
  const choose = (rules, answers) =>
    rules.find((rule) => Object.entries(rule.when).every(([name, options]) => options.includes(answers[name]))) || null;

  if (typeof document === 'undefined') {
    module.exports = { choose };
    return;
  }

  const start = () => {
    for (const form of document.querySelectorAll('form.wsw-chooser')) {
      const rules = JSON.parse(form.parentElement.querySelector('.wsw-chooser-rules').textContent);
      const answer = document.createElement('div');
      answer.className = 'wsw-chooser-answer';
      answer.setAttribute('aria-live', 'polite');
      form.append(answer);
      const update = () => {
        const task = form.querySelector('select').value;
        const answers = {};
        for (const label of form.querySelectorAll('label')) {
          const asked = !label.dataset.for || label.dataset.for.split(' ').includes(task);
          label.hidden = !asked;
          const select = label.querySelector('select');
          if (asked) answers[select.dataset.question] = select.value;
        }
        const rule = choose(rules, answers);
        const card = rule && document.getElementById(`chooser-${rule.id}`);
        answer.replaceChildren();
        if (!card) return;
        const copy = card.cloneNode(true);
        copy.removeAttribute('id');
        answer.dataset.rule = rule.id;
        answer.append(copy);
      };
      form.addEventListener('change', update);
      form.addEventListener('submit', (event) => event.preventDefault());
      form.hidden = false;
      update();
    }
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
