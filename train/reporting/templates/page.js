const drawn = [...document.querySelectorAll("figure")].map(async (figure) => {
  const spec = JSON.parse(figure.querySelector("script.spec").textContent);
  const legend = { ...config.legend, labelLimit: figure.clientWidth - 90 };
  const { view } = await vegaEmbed(figure.querySelector(".chart"), spec, { renderer: "svg", actions: false, config: { ...config, legend } });
  for (const select of figure.querySelectorAll("select")) {
    const set = () => view.signal(select.dataset.parameter, Number(select.value)).runAsync();
    select.addEventListener("change", set);
    await set();
  }
});
Promise.all(drawn).then(() => { root.dataset.drawn = "yes"; });
