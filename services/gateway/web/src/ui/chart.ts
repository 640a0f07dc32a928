/** `<nl-chart>`: one ECharts drawing that follows the size and the theme of the page. */
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import type { EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

export class ChartElement extends HTMLElement {
  private chart: EChartsType | undefined;
  private wanted: EChartsCoreOption | undefined;
  private readonly observer = new ResizeObserver(() => this.fit());

  set option(value: EChartsCoreOption) {
    this.wanted = value;
    this.draw();
  }

  connectedCallback(): void {
    this.observer.observe(this);
  }

  disconnectedCallback(): void {
    this.observer.disconnect();
    this.chart?.dispose();
    this.chart = undefined;
  }

  private fit(): void {
    if (this.chart) this.chart.resize();
    else this.draw();
  }

  private draw(): void {
    if (!this.wanted || !this.isConnected || this.clientWidth === 0) return;
    if (!this.chart) {
      this.chart = init(this, null, { renderer: "canvas" });
      this.chart.on("click", (event) => this.dispatchEvent(new CustomEvent("pick", { detail: event.dataIndex })));
    }
    this.chart.setOption(this.wanted, true);
  }
}

customElements.define("nl-chart", ChartElement);
