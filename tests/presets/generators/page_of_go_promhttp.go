// The page of a program with client_golang's promhttp, before and after 60 requests, of which 12 fail.
//
// apt install golang-go golang-github-prometheus-client-golang-dev; GO111MODULE=off GOPATH=/usr/share/gocode go run page_of_go_promhttp.go FOLDER
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests."}, []string{"code", "method"})
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds", Help: "Durations."}, []string{"code", "method"})
	prometheus.MustRegister(requests, durations)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(503)
		}
	})
	counted := promhttp.InstrumentHandlerCounter(requests, promhttp.InstrumentHandlerDuration(durations, answer))
	ask := func(handler http.Handler, path string) string {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
		return recorder.Body.String()
	}
	version, _ := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}", "golang-github-prometheus-client-golang-dev").Output()
	head := fmt.Sprintf("# %s, %s\n", version, runtime.Version())
	for _, page := range []struct {
		name      string
		good, bad int
	}{{"before", 5, 1}, {"after", 48, 12}} {
		for i := 0; i < page.good; i++ {
			ask(counted, "/")
		}
		for i := 0; i < page.bad; i++ {
			ask(counted, "/bad")
		}
		var own []string
		for _, line := range strings.Split(ask(promhttp.Handler(), "/metrics"), "\n") {
			if strings.Contains(line, "http") || strings.Contains(line, "process") {
				own = append(own, line)
			}
		}
		if err := os.WriteFile(filepath.Join(os.Args[1], "go_promhttp-"+page.name+".txt"), []byte(head+strings.Join(own, "\n")+"\n"), 0o644); err != nil {
			panic(err)
		}
	}
}
