// Loads MathJax, the heaviest file of the book, when an equation comes near the view or the page is printed.
(() => {
  const source = new URL('mathjax/tex-svg.js', document.currentScript.src).href;
  const start = () => {
    let near = null;
    const load = () => {
      if (!near) return;
      near.disconnect();
      near = null;
      const script = document.createElement('script');
      script.src = source;
      document.head.append(script);
    };
    near = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(), {
      rootMargin: '500px 0px',
    });
    document.querySelectorAll('.math').forEach((equation) => near.observe(equation));
    addEventListener('beforeprint', load);
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
